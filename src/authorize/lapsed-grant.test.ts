// A grant that does not count any more is used at the last moment: authorize asks anew, and so does the taking.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Approval, ApprovalBook } from './approval.ts'
import { authorize } from './authorize.ts'
import { compileText, fakeCall, fakeSources } from './fake-call.ts'
import { isRefusal } from '../refusal/refusal.ts'

const compiled = compileText({
  roles: [{ name: 'payer', rules: [{ agents: ['calculator'], operations: ['SendMessage'], requireApproval: true }] }],
  bindings: [{ role: 'payer', callers: ['key:*', 'user:*'] }],
})
const policy = compiled.ok ? compiled.policy : assert.fail()

function setUp(): { book: ApprovalBook; acts: string[] } {
  const acts: string[] = []
  const granted: Partial<Approval> = { id: 'granted', state: 'granted', rules: ['payer#0'], decidedBy: 'key:boss' }
  const book: ApprovalBook = {
    find: () => granted as Approval, // authorize reads no more of it
    request: () => {
      acts.push('request')
      return { id: 'new', expiresAtMs: 0 } as Approval
    },
    take: () => {
      acts.push('take')
      return true
    },
    giveBack: () => undefined,
  }
  return { book, acts }
}

const call = (): Parameters<typeof authorize>[0] => Object.assign(fakeCall({}), { extensions: [] })

test('it is not found, and somebody is asked anew', () => {
  const { book, acts } = setUp()
  const answer = authorize(
    call(),
    policy,
    fakeSources({}, book, () => 'its approver is blocked'),
  )
  assert.ok(isRefusal(answer))
  assert.equal(answer.code, 'AUTHZ_APPROVAL_REQUIRED')
  assert.deepEqual(acts, ['request'])
})

test('it lapses between the decision and its use, and is not taken', () => {
  const { book, acts } = setUp()
  let lapse: string | undefined
  const answer = authorize(
    call(),
    policy,
    fakeSources({}, book, () => lapse),
  )
  assert.ok(!isRefusal(answer))
  lapse = 'its approver is blocked'
  assert.equal(answer.approval?.take(), false)
  lapse = undefined
  assert.equal(answer.approval?.take(), true)
  assert.deepEqual(acts, ['take'])
})
