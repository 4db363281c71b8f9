// Whoever can tell a stranger's task from one that does not exist can search for ids. Whatever policy says, and
// whatever its conditions look at, both must get the same answer.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { authorize } from './authorize.ts'
import { fakeCall, fakeSources, policyOf, type PolicyText } from './fake-call.ts'

const rule = { agents: ['*'], operations: ['*'] }
const bindings = [{ role: 'r', callers: ['key:alice'] }]
const roles = [{ name: 'r', rules: [rule] }]
const policies: Record<string, PolicyText> = {
  'a plain rule': { roles, bindings },
  'a deny of foreign tasks': { roles, bindings, denies: [{ name: 'd', when: 'task.owner == "other"' }] },
  'a deny of known tasks': { roles, bindings, denies: [{ name: 'd', when: 'task.known' }] },
  'a deny of unknown tasks': { roles, bindings, denies: [{ name: 'd', when: '!task.known' }] },
  'a deny that errs for known tasks': {
    roles,
    bindings,
    denies: [{ name: 'd', when: '1 / (task.known ? 0 : 1) == 0' }],
  },
  'a rule for known tasks': { roles: [{ name: 'r', rules: [{ ...rule, when: 'task.known' }] }], bindings },
  'a rule for unknown tasks': { roles: [{ name: 'r', rules: [{ ...rule, when: '!task.known' }] }], bindings },
  'a sharing rule for the tasks of others, denied': {
    roles: [{ name: 'r', rules: [{ ...rule, owner: 'any' }] }],
    bindings,
    denies: [{ name: 'd', when: 'task.owner in ["other", "origin"]' }],
  },
  'sharing by a condition that fails for known tasks': {
    roles: [{ name: 'r', rules: [rule, { ...rule, owner: 'any', when: '!task.known' }] }],
    bindings,
  },
  'another operation only': { roles: [{ name: 'r', rules: [{ ...rule, operations: ['ListTasks'] }] }], bindings },
  'nothing at all': {},
}
/** These share what is only referenced, and rightly. */
const sharesReferences = new Set([
  'a sharing rule for the tasks of others, denied',
  'sharing by a condition that fails for known tasks',
])
const operations = [
  'GetTask',
  'CancelTask',
  'SubscribeToTask',
  'ListTaskPushNotificationConfigs',
  'SendMessage',
] as const

describe('a foreign task and a missing one', () => {
  for (const [name, policy] of Object.entries(policies)) {
    it(`look the same under ${name}`, () => {
      const compiled = policyOf(policy)
      const codes = (call: Parameters<typeof fakeCall>[0]) =>
        [
          {},
          { tasks: { t: ['key:bob', 'key:bob'] as const } },
          { tasks: { t: ['key:bob', 'key:alice'] as const } },
        ].map((owners) => {
          const result = authorize(fakeCall(call), compiled, fakeSources(owners))
          assert.ok(isRefusal(result), `${JSON.stringify(call)} was allowed`)
          return [result.code, result.hint, result.headers]
        })
      for (const operation of operations) {
        const [missing, ...foreign] = codes({ operation, taskId: 't' })
        for (const answer of foreign) assert.deepEqual(answer, missing)
      }
      if (sharesReferences.has(name)) return
      const [missing, ...foreign] = codes({ operation: 'SendMessage', message: { referenceTaskIds: ['t'] } })
      for (const answer of foreign) assert.deepEqual(answer, missing)
    })
  }
})
