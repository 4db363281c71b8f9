import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContextPlace, OwnedContext } from '../exchange/exchange.ts'
import { createContextNames, type ContextNames } from './context-names.ts'

const placeOf = (caller: string, origin = caller, agent = 'a', tenant = ''): ContextPlace => ({
  agent,
  tenant,
  owner: { caller, origin },
})
const alice = placeOf('key:alice')
const bob = placeOf('key:bob')

interface Rig extends ContextNames {
  readonly rows: Map<string, OwnedContext>
  take(place: ContextPlace, contextId: string, name?: string): void
  /** what a send does: finds it, or takes it */
  send(place: ContextPlace, name: string): string
}

function rig(secret = 'secret'): Rig {
  const rows = new Map<string, OwnedContext>()
  const keyOf = (agent: string, tenant: string, id: string): string => [agent, tenant, id].join('\n')
  const names = createContextNames(Buffer.from(secret), (agent, tenant, id) => rows.get(keyOf(agent, tenant, id)))
  const take: Rig['take'] = ({ agent, tenant, owner }, contextId, name = contextId) =>
    void rows.set(keyOf(agent, tenant, contextId), { owner, groups: [], name })
  return {
    ...names,
    rows,
    take,
    send(place, name) {
      const meant = names.meantContext(place, name)
      if (meant.isFresh) take(place, meant.contextId, name)
      return meant.contextId
    },
  }
}

test('one name is another context for each caller, origin, agent and tenant, and the same one each time', () => {
  const made = rig()
  const places = [
    alice,
    bob,
    placeOf('agent:planner', 'key:alice'),
    placeOf('key:alice', 'agent:planner'),
    placeOf('key:alice', 'key:alice', 'b'),
    placeOf('key:alice', 'key:alice', 'a', 't'),
  ]
  const ids = places.map((place) => made.send(place, 'default'))
  assert.equal(new Set(ids).size, places.length)
  assert.deepEqual(
    places.map((place) => made.send(place, 'default')),
    ids,
  )
  assert.notEqual(rig('another').send(alice, 'default'), ids[0])
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('ids of others are names like any other: what the agent made for them, what was made of their names', () => {
  const made = rig()
  const opaque = made.send(alice, 'plan')
  made.take(alice, 'agent-made')
  for (const guess of [opaque, 'agent-made']) {
    const { contextId, isFresh } = made.meantContext(bob, guess)
    assert.ok(isFresh && contextId !== guess)
  }
  assert.deepEqual(made.meantContext(alice, 'agent-made'), { contextId: 'agent-made', isFresh: false })
  // an agent may tell its caller, in words or by a webhook, what it calls the context
  assert.deepEqual(made.meantContext(alice, opaque), { contextId: opaque, isFresh: false })
})

test('what the agent makes is called as it calls it, unless its owner calls another context so', () => {
  const made = rig()
  assert.equal(made.freshName(alice, '1'), '1')
  const own = made.send(alice, '1')
  made.take(bob, '2')
  assert.equal(made.freshName(alice, '1'), '~1')
  made.take(alice, '1', '~1')
  assert.equal(made.meantContext(alice, '1').contextId, own)
  assert.equal(made.meantContext(alice, '~1').contextId, '1')
  // and what looks like an escaped one is none
  assert.ok(made.meantContext(alice, '~2').isFresh && made.meantContext(bob, '~2').isFresh)
  assert.equal(made.freshName(alice, '~1'), '~~1')
  made.take(alice, '~1', '~~1')
  assert.equal(made.meantContext(alice, '~~1').contextId, '~1')
  assert.equal(made.meantContext(alice, '~1').contextId, '1')
  assert.equal(made.freshName(bob, '1'), '1')
})

test('no name is left when all that are like it are taken, or too long', () => {
  const made = rig()
  for (let depth = 0; depth <= 8; depth++) made.send(alice, `${'~'.repeat(depth)}x`)
  assert.equal(made.freshName(alice, 'x'), undefined)
  const long = 'x'.repeat(256)
  made.send(alice, long)
  assert.equal(made.freshName(alice, long), undefined)
})

test("after an erasure a name means a fresh context, and what was the erased owner's stays nobody's", () => {
  const made = rig()
  const before = made.send(alice, 'plan')
  for (const [key, row] of made.rows) made.rows.set(key, { ...row, owner: { caller: 'erased:', origin: 'erased:' } })
  const after = made.send(alice, 'plan')
  assert.notEqual(after, before)
  assert.equal(made.send(alice, 'plan'), after)
  assert.notEqual(made.send(alice, before), before)
})

test('names of objects, quotes and long names are names', () => {
  const made = rig()
  const names = ['__proto__', 'constructor', '"', '","', '\\', 'é', 'e\u0301', '~', '~~', 'x'.repeat(256)]
  assert.equal(new Set(names.map((name) => made.send(alice, name))).size, names.length)
  assert.notEqual(made.send(placeOf('a', 'b","c'), 'd'), made.send(placeOf('a', 'b'), 'c","d'))
})
