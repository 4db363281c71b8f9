// Somebody guesses at a victim's key, from everywhere and from the victim's own address. The guesser waits longer each
// time; the victim, who has the key, never does, and neither does anybody else.

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { FakeReply } from '../../test/fakes/walk.ts'
import { formatApiKey } from '../authenticate/api-key.ts'
import { messageParams, startFakeWalk, type FakeWalk } from './fake-walk.ts'

async function start(t: TestContext): Promise<FakeWalk> {
  const walk = await startFakeWalk({ config: { unauthenticated: { requests: '100000/m' } } })
  t.after(() => walk.close())
  return walk
}

const home = '198.51.100.7'
const wrong = (id: string): string =>
  formatApiKey('live', { id, secret: '0123456789abcdefghijklmnopqrstuvwxyzABCDEFG' })
const guess = (walk: FakeWalk, id: string, source: string): Promise<FakeReply> =>
  walk.rpc('SendMessage', messageParams, { as: '', headers: { 'x-api-key': wrong(id) }, source })

/** What is known of alice's key to everybody who saw it in a log. */
async function idOfAlice(walk: FakeWalk): Promise<string> {
  await walk.rpc('SendMessage', messageParams)
  return walk.records.at(-1)?.facts.credential ?? ''
}

test('guesses at one key wait longer each time, wherever they come from', async (t) => {
  const walk = await start(t)
  const id = await idOfAlice(walk)
  const statuses: number[] = []
  for (let index = 0; index < 14; index += 1) statuses.push((await guess(walk, id, `203.0.113.${index}`)).status)
  assert.deepEqual(statuses, [...Array.from({ length: 11 }, () => 401), 429, 429, 429])
  const waits: (string | undefined)[] = []
  for (let index = 0; index < 5; index += 1) {
    const told = (await guess(walk, id, `203.0.114.${index}`)).headers['retry-after']
    waits.push(told)
    walk.clock.advance(Number(told) * 1_000)
    assert.equal((await guess(walk, id, `203.0.115.${index}`)).status, 401)
  }
  assert.deepEqual(waits, ['1', '2', '4', '8', '16'])
})

test('the key itself is good all the while, from its own address and from that of the guesser', async (t) => {
  const walk = await start(t)
  const id = await idOfAlice(walk)
  for (let index = 0; index < 200; index += 1) await guess(walk, id, home)
  assert.equal((await guess(walk, id, home)).status, 429)
  for (const source of [home, '192.0.2.9'])
    assert.equal((await walk.rpc('SendMessage', messageParams, { source })).status, 200)
  // others behind the same address
  assert.equal((await walk.rpc('SendMessage', messageParams, { as: 'bob', source: home })).status, 200)
})

test('whoever shows nothing is still told how to show something', async (t) => {
  const walk = await start(t)
  const id = await idOfAlice(walk)
  for (let index = 0; index < 100; index += 1) await guess(walk, id, home)
  const reply = await walk.rpc('SendMessage', messageParams, { as: '', source: home })
  assert.equal(reply.status, 401)
  assert.match(reply.headers['www-authenticate'] ?? '', /Bearer/)
})

test('an id that nobody has is answered as one that somebody has', async (t) => {
  const told = async (of: (walk: FakeWalk) => Promise<string>): Promise<unknown[]> => {
    const walk = await start(t)
    const id = await of(walk)
    const answers: unknown[] = []
    for (let index = 0; index < 15; index += 1) {
      const reply = await guess(walk, id, home)
      answers.push([reply.status, reply.headers['retry-after'], reply.headers['www-authenticate'], reply.body])
    }
    return answers
  }
  assert.deepEqual(await told(idOfAlice), await told(() => Promise.resolve('abcdefghijkl')))
})

test('many keys from one source wait too, and the next source does not', async (t) => {
  const walk = await start(t)
  const statuses: number[] = []
  for (let index = 0; index < 70; index += 1)
    statuses.push((await guess(walk, String(index).padStart(12, '0'), home)).status)
  assert.equal(statuses.filter((status) => status === 401).length, 61)
  assert.equal((await guess(walk, 'abcdefghijkl', '192.0.2.9')).status, 401)
})

test('each of them is in the record with the key that it named', async (t) => {
  const walk = await start(t)
  const id = await idOfAlice(walk)
  for (let index = 0; index < 12; index += 1) await guess(walk, id, home)
  const refused = walk.records.filter(({ kind }) => kind === 'refusedUnknown')
  assert.deepEqual(new Set(refused.map(({ detail }) => detail)), new Set([`API key ${id}: wrong secret`]))
  assert.equal(refused.at(-1)?.code, 'AUTHN_FLOOD')
})
