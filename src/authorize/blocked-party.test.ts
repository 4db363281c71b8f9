// Who is blocked hides behind an agent, a chain, a group, another identity: a block finds them, and finds nobody else.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildSnapshot, configSchema } from '../config/config.ts'
import type { Caller, Principal } from '../exchange/exchange.ts'
import { memoryBlocks } from '../../test/fakes/blocks.ts'
import { callerOf, principal } from '../../test/fakes/walk.ts'
import { findBlockedAgent, findBlockedParty } from './blocks.ts'

const agents = [
  { name: 'planner', url: 'http://127.0.0.1:9', principals: ['key:planner', 'spiffe://example.org/planner'] },
  { name: 'vault', url: 'http://127.0.0.1:9', principals: ['serviceaccount:prod/team-a/vault'] },
]
const snapshot = buildSnapshot(configSchema.parse({ agents }))

interface Parties {
  readonly caller?: Partial<Caller>
  readonly origin?: Principal
  readonly chain?: readonly Principal[]
}

function isBlocked(
  [kind, id]: readonly ['caller' | 'agent', string],
  { caller, origin, chain = [] }: Parties,
): boolean {
  const blocks = memoryBlocks()
  blocks.block(kind, id)
  const who = { ...callerOf('key:alice'), ...caller }
  const refusal = findBlockedParty({ caller: who, origin: origin ?? who, chain }, snapshot, blocks)
  assert.equal(refusal?.code ?? 'AUTHZ_BLOCKED', 'AUTHZ_BLOCKED')
  return refusal !== undefined
}

const planner = { id: 'agent:planner', principal: 'key:planner' }
const bob = principal('key:bob')

test('as caller, as origin and as any hop', () => {
  assert.equal(isBlocked(['caller', 'key:alice'], {}), true)
  assert.equal(isBlocked(['caller', 'key:bob'], { caller: planner, origin: bob }), true)
  assert.equal(
    isBlocked(['caller', 'agent:vault'], { caller: planner, origin: bob, chain: [principal('agent:vault')] }),
    true,
  )
  assert.equal(isBlocked(['agent', 'vault'], { caller: planner, origin: bob, chain: [principal('agent:vault')] }), true)
  assert.equal(isBlocked(['agent', 'planner'], { caller: planner, origin: bob }), true)
  assert.equal(isBlocked(['agent', 'planner'], { caller: planner, origin: principal('agent:planner') }), true)
})

test('by any identity that may act as the agent, whichever was shown', () => {
  for (const id of ['key:planner', 'spiffe://example.org/planner'])
    assert.equal(isBlocked(['caller', id], { caller: planner, origin: bob }), true)
  const hop = [principal('agent:vault')]
  assert.equal(
    isBlocked(['caller', 'serviceaccount:prod/team-a/vault'], { caller: planner, origin: bob, chain: hop }),
    true,
  )
  // one that the configuration no longer knows, on a stream that it opened
  assert.equal(
    isBlocked(['caller', 'key:former'], { caller: { id: 'agent:planner', principal: 'key:former' }, origin: bob }),
    true,
  )
})

test('by a group of the caller, of the origin or of a hop', () => {
  const grouped = { ...bob, groups: ['group:corp/contractors'] }
  const block = ['caller', 'group:corp/contractors'] as const
  assert.equal(isBlocked(block, { caller: { groups: ['group:corp/a', 'group:corp/contractors'] } }), true)
  assert.equal(isBlocked(block, { caller: planner, origin: grouped }), true)
  assert.equal(isBlocked(block, { caller: planner, origin: bob, chain: [{ ...grouped, id: 'agent:vault' }] }), true)
})

test('and nobody else', () => {
  const free: [readonly ['caller' | 'agent', string], Parties][] = [
    [['caller', 'key:bob'], {}],
    [['caller', 'key:alic'], {}],
    [['caller', 'key:alice2'], {}],
    [['caller', 'key:ALICE'], {}],
    [['caller', 'user:corp/alice'], {}],
    [['caller', 'key:*'], {}],
    [['caller', 'group:corp/a'], { caller: { groups: ['group:corp/ab', 'group:other/a'] } }],
    [['agent', 'alice'], {}],
    [['agent', 'key:alice'], {}],
    [['caller', 'key:planner'], { caller: callerOf('key:alice') }],
    [['agent', 'vault'], { caller: planner, origin: bob }],
    [['caller', 'display'], { caller: { display: 'display' } }],
  ]
  for (const [block, parties] of free) assert.equal(isBlocked(block, parties), false, JSON.stringify([block, parties]))
})

test('an agent is blocked by its name, as an agent', () => {
  const blocks = memoryBlocks()
  blocks.block('caller', 'agent:planner')
  assert.equal(findBlockedAgent('planner', blocks), undefined)
  blocks.block('agent', 'planner')
  assert.equal(findBlockedAgent('planner', blocks)?.code, 'AUTHZ_AGENT_BLOCKED')
  assert.equal(findBlockedAgent('vault', blocks), undefined)
  blocks.remove('agent', 'planner')
  assert.equal(findBlockedAgent('planner', blocks), undefined)
})
