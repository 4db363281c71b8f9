// An erasure takes two people: one who is both of them by an alias, by an agent's identity, by a key that they have
// made themselves, or by an alias that comes between the two steps, erases nothing.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import type { EraseAnswer, RetentionMethods } from '../cli/ports.ts'
import { configSchema, type ConfigInput } from '../config/config.ts'
import { home, open } from './fake-state.ts'
import { createRetentionMethods, type RetentionByPeople } from './retention-methods.ts'
import type { State } from './state.ts'

const erasure = { erasure: { approvers: ['key:alice', 'user:*', 'group:staff/dpo'] } }
const aliases = [{ name: 'alice', principals: ['key:alice', 'user:staff/alice'] }]
const ask = { subject: 'key:subject', reason: 'asked for', dryRun: false, approve: null }

type Second = Parameters<RetentionByPeople['eraseAs']>[0]

interface World {
  readonly state: State
  readonly methods: RetentionMethods & RetentionByPeople
  readonly configure: (input: ConfigInput) => void
}

async function make(t: TestContext, input: ConfigInput): Promise<World> {
  const state = await open(home())
  t.after(() => state.close())
  let config = configSchema.parse(input)
  const options = { clock: createManualClock(), config: () => config, minimumExported: () => undefined }
  const configure = (next: ConfigInput): void => void (config = configSchema.parse(next))
  return { state, methods: createRetentionMethods(state, options), configure }
}

const idOf = (answer: EraseAnswer): string => (answer.kind === 'pending' ? answer.id : assert.fail(answer.kind))
const whyNot = (answer: EraseAnswer): string => (answer.kind === 'refused' ? answer.why : assert.fail(answer.kind))
const second = (approve: string): Second => ({ ...ask, subject: null, approve })

test('by a key and then by the login of the same alias', async (t) => {
  const { state, methods } = await make(t, { aliases, audit: erasure })
  const approver = state.keys.create({ name: 'alice' }).key
  const id = idOf(await methods['audit.erase']({ ...ask, approver }))
  assert.match(whyNot(await methods.eraseAs(second(id), 'user:staff/alice')), /another than the first/)
})

test('by the login and then by a key of the same alias', async (t) => {
  const { state, methods } = await make(t, { aliases, audit: erasure })
  const id = idOf(await methods.eraseAs(ask, 'user:staff/alice'))
  const approver = state.keys.create({ name: 'alice' }).key
  assert.match(whyNot(await methods['audit.erase']({ ...second(id), approver })), /another than the first/)
})

test('by two identities that an alias ties together between the two steps', async (t) => {
  const { state, methods, configure } = await make(t, { audit: erasure })
  const id = idOf(await methods.eraseAs(ask, 'user:staff/alice'))
  configure({ aliases, audit: erasure })
  const approver = state.keys.create({ name: 'alice' }).key
  assert.match(whyNot(await methods['audit.erase']({ ...second(id), approver })), /another than the first/)
})

test('by a login and a key that they have made themselves', async (t) => {
  const { state, methods } = await make(t, { audit: erasure })
  const approver = state.keys.create({ name: 'alice', madeBy: 'user:staff/mallory' }).key
  const first = idOf(await methods['audit.erase']({ ...ask, approver }))
  assert.match(whyNot(await methods.eraseAs(second(first), 'user:staff/mallory')), /another than the first/)
  const other = idOf(await methods.eraseAs(ask, 'user:staff/mallory'))
  assert.match(whyNot(await methods['audit.erase']({ ...second(other), approver })), /another than the first/)
})

test('an identity of an agent, somebody blocked and whoever was blocked meanwhile are no approvers', async (t) => {
  const agents = [{ name: 'bot', url: 'http://127.0.0.1:9', principals: ['user:staff/bot'] }]
  const { state, methods } = await make(t, { agents, audit: erasure })
  const block = (id: string): void =>
    state.blocks.add({ kind: 'caller', id, reason: '', sinceMs: 0, untilMs: Infinity })
  assert.equal(whyNot(await methods.eraseAs(ask, 'user:staff/bot')), 'user:staff/bot acts as the agent bot')
  const id = idOf(await methods.eraseAs(ask, 'user:staff/anna', ['group:staff/dpo']))
  block('group:staff/dpo')
  assert.match(whyNot(await methods.eraseAs(second(id), 'user:staff/bert')), /who asked for it may not any more/)
  assert.equal(whyNot(await methods.eraseAs(ask, 'user:staff/anna', ['group:staff/dpo'])), 'group:staff/dpo is blocked')
})

test('two people erase', async (t) => {
  const { methods } = await make(t, { aliases, audit: erasure })
  const id = idOf(await methods.eraseAs(ask, 'user:staff/alice'))
  assert.equal((await methods.eraseAs(second(id), 'user:staff/bert')).kind, 'erased')
})

test('that somebody made a key is not erased with them, and is said', async (t) => {
  const { state, methods } = await make(t, {})
  const { record } = state.keys.create({ name: 'carol', madeBy: 'key:subject' })
  const answer = await methods.eraseAs(ask, 'user:staff/anna')
  const told = answer.kind === 'erased' ? answer.unreachable : assert.fail(answer.kind)
  assert.ok(told.some((each) => each.includes(record.id) && each.includes('made it')))
})
