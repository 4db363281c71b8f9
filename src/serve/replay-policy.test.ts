// Recorded calls under another policy: the same policy changes nothing, a suggested one neither takes nor gives, and
// what cannot be decided again is counted, never guessed.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { NewRecord } from '../audit/audit.ts'
import { authorize } from '../authorize/authorize.ts'
import { type FakeCall, fakeCall, fakeSources, policyOf, type PolicyText } from '../authorize/fake-call.ts'
import { agents, owners, someCall, somePolicy } from '../authorize/fake-traffic.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { ReplayReport } from '../cli/ports.ts'
import { parseConfig, proposePolicy, type LoadedConfig } from '../config/config.ts'
import { isRefusal } from '../refusal/refusal.ts'
import { sampleRecord, sampleStartMs } from '../../test/fakes/sample-ledger.ts'
import { createSearchedLedger, type SearchedLedger } from '../../test/fakes/searched-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { checkPolicy } from './rules.ts'
import { replayPolicy } from './replay-policy.ts'
import { suggestPolicy } from './suggest-policy.ts'

const file = join(temporaryFolder(), 'sallyport.yaml')

function configText(policy: PolicyText): string {
  return JSON.stringify({ agents: agents.map((name) => ({ name, url: 'http://127.0.0.1:9' })), policy })
}
function load(text: string): LoadedConfig {
  const loaded = parseConfig(text, file, { secrets: 'unresolved', extraChecks: checkPolicy })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded
}

/** What the walk would have recorded of these calls under this policy. */
function recordsOf(policy: PolicyText, calls: readonly FakeCall[]): NewRecord[] {
  const compiled = policyOf(policy)
  return calls.map((call, at) => {
    const made = fakeCall(call)
    const result = authorize(made, compiled, fakeSources(owners))
    const isRefused = isRefusal(result)
    const event = {
      caller: made.caller.id,
      origin: made.origin.id,
      input: JSON.parse(JSON.stringify(result.policyInput)) as JsonObject,
      ...(isRefused ? { detail: result.detail } : { rules: [...result.allowedBy] }),
    }
    return sampleRecord(0, {
      call: `call${at}`,
      timeMs: sampleStartMs + at * 1_000,
      subject: made.caller.id,
      agent: made.agent.name,
      operation: made.operation,
      outcome: isRefused ? 'refused' : 'allowed',
      code: isRefused ? result.code : '',
      event,
    })
  })
}

async function write(records: readonly NewRecord[]): Promise<SearchedLedger> {
  const searched = createSearchedLedger()
  const ledger = await searched.open()
  await Promise.all(records.map((record) => ledger.append(record)))
  await ledger.close()
  return searched
}

const silent = { fromMs: undefined, toMs: undefined, warn: () => undefined, damage: () => assert.fail('damage') }

function replay(dataDir: string, policy: PolicyText, changes: object = {}): Promise<ReplayReport> {
  return replayPolicy({ ...silent, dataDir, loaded: undefined, against: load(configText(policy)).config, ...changes })
}

const nobody: PolicyText = {}
const everybody: PolicyText = {
  roles: [{ name: 'all', rules: [{ agents: ['*'], operations: ['*'], owner: 'any' }] }],
  bindings: [{ role: 'all', callers: ['key:*', 'user:*', 'agent:*'], autonomous: true }],
}

describe('whatever was recorded', () => {
  test('the policy it was decided by changes nothing, and the suggested one neither takes nor gives', async () => {
    await fc.assert(
      fc.asyncProperty(somePolicy, fc.array(someCall, { minLength: 30, maxLength: 60 }), async (policy, calls) => {
        const { dataDir } = await write(recordsOf(policy, calls))
        const same = await replay(dataDir, policy)
        assert.deepEqual([same.decided, same.gains, same.losses, same.undecided], [calls.length, [], [], []])
        const loaded = load(configText(policy))
        const suggestion = await suggestPolicy({ ...silent, dataDir, loaded })
        assert.equal(suggestion.calls, same.allowedAsBefore)
        assert.deepEqual(suggestion.undecided, [])
        const proposed = load(proposePolicy(configText(policy), suggestion.policy))
        assert.deepEqual(proposed.config.policy, suggestion.policy)
        const under = await replayPolicy({ ...silent, dataDir, loaded: undefined, against: proposed.config })
        assert.deepEqual([under.losses, under.undecided], [[], []])
        assert.equal(under.allowedAsBefore, same.allowedAsBefore)
        // rules that ask for approval reach further than what one call shows of them: what is given is said
        const asks = policy.roles.some(({ rules }) => rules.some((rule) => rule.requireApproval))
        if (!asks || suggestion.notes.length === 0) assert.deepEqual([suggestion.notes, under.gains], [[], []])
      }),
      { numRuns: 40, interruptAfterTimeLimit: 4_000 },
    )
  })
  test('the suggestion loses nobody whom a policy of another day allowed', async () => {
    await fc.assert(
      fc.asyncProperty(
        somePolicy,
        somePolicy,
        fc.array(someCall, { minLength: 30, maxLength: 60 }),
        async (then, now, calls) => {
          const { dataDir } = await write(recordsOf(then, calls))
          const suggestion = await suggestPolicy({ ...silent, dataDir, loaded: load(configText(now)) })
          const left = suggestion.undecided.reduce((sum, each) => sum + each.calls, 0)
          // what is suggested gives no grace, so that it reads as it would be written
          const under = await replay(dataDir, suggestion.policy as PolicyText)
          // what needs an approval today keeps needing it
          const refused = under.losses.filter(({ now: words }) => !words.includes('once a person has approved it'))
          const lost = refused.reduce((sum, each) => sum + each.calls, 0)
          assert.ok(lost <= left, JSON.stringify(refused))
        },
      ),
      { numRuns: 30, interruptAfterTimeLimit: 3_000 },
    )
  })
  test('nobody keeps anything under no policy, and nobody gains by a deny', async () => {
    const calls = fc.sample(someCall, { numRuns: 300, seed: 4 }).filter(({ chain = [] }) => chain.length === 0)
    const countAllowed = (of: PolicyText): number =>
      recordsOf(of, calls).filter(({ outcome }) => outcome === 'allowed').length
    const policy = fc.sample(somePolicy, { numRuns: 50, seed: 7 }).find((each) => countAllowed(each) > 20)
    assert.ok(policy !== undefined)
    const { dataDir } = await write(recordsOf(policy, calls))
    const allowed = countAllowed(policy)
    const none = await replay(dataDir, nobody)
    assert.deepEqual([none.losses.reduce((sum, { calls: of }) => sum + of, 0), none.gains], [allowed, []])
    const denied = await replay(dataDir, {
      ...policy,
      denies: [...policy.denies, { name: 'd', callers: ['key:alice'] }],
    })
    assert.deepEqual(denied.gains, [])
    assert.ok(denied.losses.every(({ caller, origin }) => caller === 'key:alice' || origin === 'key:alice'))
  })
})

const analyst: PolicyText = {
  roles: [{ name: 'analyst', rules: [{ agents: ['calculator'], operations: ['SendMessage'] }] }],
  bindings: [{ role: 'analyst', callers: ['key:alice'] }],
}

describe('a replay', () => {
  test('says who gains and who loses, how often, and one record of each', async () => {
    const send: FakeCall = { agent: 'calculator', operation: 'SendMessage' }
    const calls: FakeCall[] = [send, send, { ...send, caller: 'key:bob' }, { ...send, agent: 'vault' }]
    const { dataDir, sample } = await write(recordsOf(analyst, calls))
    const report = await replay(dataDir, {
      roles: [{ name: 'r', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'r', callers: ['key:bob'] }],
    })
    const [gain] = report.gains
    const [loss] = report.losses
    assert.deepEqual([report.decided, report.refusedAsBefore, report.gains.length, report.losses.length], [4, 1, 1, 1])
    assert.deepEqual([gain?.caller, gain?.calls, gain?.now], ['key:bob', 1, 'allowed by r#0'])
    assert.deepEqual([loss?.caller, loss?.calls, loss?.before], ['key:alice', 2, 'allowed by analyst#0'])
    const name = sample.dir.split('/').at(-1)
    assert.match(loss?.example.record ?? '', new RegExp(`^${name}/\\d+$`))
    assert.equal(loss?.example.call, 'call0')
  })
  test('keeps to its range, both ends', async () => {
    const send: FakeCall = { agent: 'calculator', operation: 'SendMessage' }
    const { dataDir } = await write(recordsOf(analyst, [send, send, send, send]))
    const of = async (fromMs: number | undefined, toMs: number | undefined): Promise<number> =>
      (await replay(dataDir, nobody, { fromMs, toMs })).decided
    assert.equal(await of(undefined, undefined), 4)
    assert.equal(await of(sampleStartMs + 1_000, undefined), 3)
    assert.equal(await of(sampleStartMs + 1_000, sampleStartMs + 2_000), 1)
    assert.equal(await of(undefined, sampleStartMs), 0)
  })
  test('counts by reason what it cannot decide again', async () => {
    const [allowed] = recordsOf(analyst, [{ agent: 'calculator', metadata: { label: 'public' } }])
    assert.ok(allowed !== undefined)
    const { input, ...rest } = allowed.event
    assert.ok(input !== undefined)
    const { dataDir } = await write([
      allowed,
      { ...allowed, event: { ...rest, input: { ...(input as JsonObject), v: 2 } } },
      { ...allowed, event: { ...rest, input: { v: 1 } } },
      { ...allowed, event: rest },
      { ...allowed, outcome: 'refused', code: 'AUTHN_INVALID', event: rest },
      { ...allowed, outcome: 'refused', code: 'LIMIT_RATE', event: rest },
      { ...allowed, outcome: 'refused', code: 'LIMIT_STREAMS', event: allowed.event },
      { ...allowed, kind: 'folded', outcome: 'refused', code: 'AUTHN_FLOOD', event: { foldingSince: 1 } },
      { ...allowed, kind: 'folded', outcome: 'refused', code: 'AUTHN_FLOOD', event: { folded: 70 } },
      { ...allowed, kind: 'completion', outcome: 'completed', event: {} },
    ])
    const reads = { ...analyst, denies: [{ name: 'd', when: 'message.metadata["label"] != ""' }] }
    const report = await replay(dataDir, reads)
    const counts = Object.fromEntries(report.undecided.map(({ reason, calls }) => [reason, calls]))
    assert.deepEqual([report.decided, report.gains, report.losses], [0, [], []])
    assert.deepEqual(counts, {
      'it was refused before policy was asked: AUTHN_FLOOD': 70,
      'the proposed policy reads metadata that was not recorded': 1,
      'its record is of a format that this version does not know': 1,
      'what was recorded of it is not complete': 1,
      'it asked for a card or the directory, which no rule decides': 1,
      'it was refused before policy was asked: AUTHN_INVALID': 1,
      'it was refused before policy was asked: LIMIT_RATE': 1,
      'it was refused by something else than policy: LIMIT_STREAMS': 1,
    })
    assert.equal((await replay(dataDir, analyst)).allowedAsBefore, 1)
  })
  test('takes an approval for less than being allowed and more than being refused', async () => {
    const asking = {
      ...analyst,
      roles: [
        { name: 'analyst', rules: [{ agents: ['calculator'], operations: ['SendMessage'], requireApproval: true }] },
      ],
    }
    const [open] = recordsOf(analyst, [{ agent: 'calculator' }])
    const [asked] = recordsOf(asking, [{ agent: 'calculator' }])
    assert.ok(open !== undefined && asked?.code === 'AUTHZ_APPROVAL_REQUIRED')
    const approved: NewRecord = { ...open, event: { ...asked.event, rules: ['analyst#0', 'approval:x'] } }
    const refused: NewRecord = {
      ...asked,
      code: 'AUTHZ_DENIED',
      event: { ...asked.event, detail: 'key:lead denied the approval x' },
    }
    const all = [open, asked, approved, refused]
    const changes = async (record: NewRecord, policy: PolicyText): Promise<number[]> => {
      const { gains, losses } = await replay((await write([record])).dataDir, policy)
      return [gains.length, losses.length]
    }
    const under = async (policy: PolicyText): Promise<number[][]> =>
      await Promise.all(all.map((record) => changes(record, policy)))
    assert.deepEqual(await under(analyst), [
      [0, 0],
      [1, 0],
      [1, 0],
      [1, 0],
    ])
    assert.deepEqual(await under(asking), [
      [0, 1],
      [0, 0],
      [0, 0],
      [0, 0],
    ])
    assert.deepEqual(await under(nobody), [
      [0, 1],
      [0, 0],
      [0, 1],
      [0, 0],
    ])
  })
  test('takes calls to an agent that the proposed configuration does not have for lost', async () => {
    const { dataDir } = await write(recordsOf(everybody, [{ agent: 'vault' }]))
    const without = JSON.stringify({ agents: [{ name: 'calculator', url: 'http://127.0.0.1:9' }], policy: everybody })
    const report = await replayPolicy({ ...silent, dataDir, loaded: undefined, against: load(without).config })
    assert.deepEqual([report.losses.length, report.gains.length], [1, 0])
  })
})

describe('a suggestion', () => {
  const suggest = async (policy: PolicyText, calls: readonly FakeCall[], now: PolicyText = policy) => {
    const { dataDir } = await write(recordsOf(policy, calls))
    return await suggestPolicy({ ...silent, dataDir, loaded: load(configText(now)) })
  }
  test('gives what was used and no more, by caller', async () => {
    const { policy } = await suggest(everybody, [
      { agent: 'calculator', operation: 'SendMessage' },
      { agent: 'vault', operation: 'SendMessage' },
      { agent: 'calculator', operation: 'GetTask', taskId: 't-key:alice-key:alice' },
      { caller: 'key:bob', agent: 'vault', operation: 'GetTask', taskId: 't-key:alice-key:alice' },
    ])
    assert.deepEqual(policy.bindings, [
      { role: 'used-1', callers: ['key:alice'], autonomous: false },
      { role: 'used-2', callers: ['key:bob'], autonomous: false },
    ])
    assert.deepEqual(policy.roles[1]?.rules, [
      { agents: ['vault'], operations: ['GetTask'], owner: 'any', requireApproval: false },
    ])
    assert.deepEqual(policy.roles[0]?.rules, [
      { agents: ['calculator'], operations: ['SendMessage', 'GetTask'], owner: 'self', requireApproval: false },
      { agents: ['vault'], operations: ['SendMessage'], owner: 'self', requireApproval: false },
    ])
  })
  test('shares as narrowly as was needed', async () => {
    const ownerOf = async (call: FakeCall): Promise<(string | undefined)[]> => {
      const { policy } = await suggest(everybody, [{ agent: 'calculator', operation: 'GetTask', ...call }])
      return policy.roles.flatMap(({ rules }) => rules.map(({ owner }) => owner))
    }
    const taskId = 't-key:bob-key:alice'
    assert.deepEqual(await ownerOf({ taskId: 't-key:alice-key:alice' }), ['self'])
    assert.deepEqual(await ownerOf({ taskId }), ['origin'])
    assert.deepEqual(await ownerOf({ taskId: 't-key:bob-key:bob', callerGroups: ['group:corp/a'] }), ['group:corp/a'])
    assert.deepEqual(await ownerOf({ taskId: 't-key:bob-key:bob' }), ['any'])
  })
  test('names an own account only for who used one, and both halves of a delegation', async () => {
    const { policy } = await suggest(everybody, [
      { caller: 'agent:concierge', origin: 'key:alice', agent: 'vault' },
      { caller: 'agent:planner', autonomous: true, agent: 'vault' },
    ])
    const autonomous = policy.bindings.filter((binding) => binding.autonomous).flatMap(({ callers }) => callers)
    const others = policy.bindings.filter((binding) => !binding.autonomous).flatMap(({ callers }) => callers)
    assert.deepEqual([autonomous, others], [['agent:planner'], ['agent:concierge', 'key:alice']])
  })
  test('keeps denies and conditions, and leaves out a deny that denies what was allowed', async () => {
    const denies = [
      { name: 'no-urls', when: 'message.parts.exists(p, p.kind == "url")' },
      { name: 'no-vault', agents: ['vault'] },
    ]
    const when = 'size(message.parts) < 3'
    const role = { name: 'r', rules: [{ agents: ['*'], operations: ['*'], when }] }
    const now = { ...everybody, roles: [{ ...role, name: 'all' }], denies }
    const { policy, notes } = await suggest(everybody, [{ agent: 'vault' }], now)
    assert.deepEqual(
      policy.denies.map(({ name }) => name),
      ['no-urls'],
    )
    assert.equal(policy.roles[0]?.rules[0]?.when, when)
    assert.equal(notes.length, 1)
  })
  test('does not give to a person what was given to a group that he left', async () => {
    const members: PolicyText = {
      roles: [{ name: 'all', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [
        { role: 'all', callers: ['group:corp/a'] },
        { role: 'all', callers: ['agent:concierge'] },
      ],
    }
    const person = { caller: 'user:corp/1', callerGroups: ['group:corp/a'], agent: 'vault' }
    const byAgent = { caller: 'agent:concierge', origin: 'user:corp/1', agent: 'vault' }
    const stayed = await suggest(members, [person])
    assert.deepEqual(stayed.policy.roles[0]?.rules, [
      { agents: ['vault'], operations: ['SendMessage'], owner: 'self', requireApproval: false },
    ])
    const left = await suggest(members, [person, byAgent, { ...person, callerGroups: [] }])
    assert.match(left.policy.roles[0]?.rules[0]?.when ?? '', /group:corp\/a/)
    assert.deepEqual(left.notes, [])
  })
  test('allows nobody when nothing was allowed', async () => {
    const { policy, calls } = await suggest(nobody, [{}, { agent: 'vault' }], everybody)
    assert.deepEqual([policy.roles, policy.bindings, calls], [[], [], 0])
  })
  test('leaves out a caller whom no binding can name', async () => {
    const [record] = recordsOf(everybody, [{ agent: 'vault' }])
    assert.ok(record !== undefined)
    const input = record.event['input'] as JsonObject
    const star = { ...(input['caller'] as JsonObject), id: 'user:corp/*' }
    const { dataDir } = await write([
      { ...record, event: { ...record.event, input: { ...input, caller: star, origin: star } } },
    ])
    const { policy, undecided } = await suggestPolicy({ ...silent, dataDir, loaded: load(configText(everybody)) })
    assert.deepEqual(policy.bindings, [])
    assert.equal(undecided[0]?.reason, 'a policy cannot name its caller or origin')
  })
})
