// Keys of assertions over time: who can verify what, before, while and after one takes the place of another, and over
// a restart at every step.

import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { fakeSealer } from '../../test/fakes/sealer.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { openAssertionRing, type AssertionRing } from './assertion-ring.ts'

const minute = 60_000
const hour = 60 * minute

interface World {
  readonly clock: ManualClock
  readonly folder: string
  ring: AssertionRing
  restart: () => Promise<void>
}

async function makeWorld(): Promise<World> {
  const clock = createManualClock()
  const folder = join(temporaryFolder(), 'keys')
  const open = (): Promise<AssertionRing> => openAssertionRing(folder, fakeSealer, clock, () => 8 * hour)
  const world: World = {
    clock,
    folder,
    ring: await open(),
    async restart() {
      world.ring = await open()
    },
  }
  return world
}

function mint({ ring, clock }: World): string {
  const who = { issuer: 'https://g.example.com', subject: 'key:ci', groups: [], actors: [], audienceAgent: 'a' }
  return ring.mint({ ...who, call: 'c', operation: 'SendMessage', nowMs: clock.nowMs() })
}

const kidOf = (assertion: string): string =>
  (JSON.parse(Buffer.from(assertion.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid
const published = ({ ring }: World): string[] => ring.jwks().keys.map(({ kid }) => kid)

async function isVerifiedBy(
  keys: ReturnType<AssertionRing['jwks']>,
  { clock }: World,
  assertion: string,
): Promise<boolean> {
  const set = createLocalJWKSet({ keys: [...keys.keys] })
  return await jwtVerify(assertion, set, { currentDate: new Date(clock.nowMs()) }).then(
    () => true,
    () => false,
  )
}

test('a new key is published a quarter of an hour before it signs, the old one until its last assertion has ended', async () => {
  const world = await makeWorld()
  const old = world.ring.kid
  const cached = world.ring.jwks()
  const { kid, signsFromMs, retiring } = await world.ring.rotate(false)
  assert.equal(retiring, old)
  assert.equal(signsFromMs, world.clock.nowMs() + 15 * minute)
  assert.deepEqual(published(world), [old, kid])
  world.clock.advance(15 * minute - 1)
  assert.equal(world.ring.tick(), undefined)
  // who keeps a key set from before verifies until the last moment
  assert.equal(await isVerifiedBy(cached, world, mint(world)), true)
  const last = mint(world)
  const fresh = world.ring.jwks()
  world.clock.advance(1)
  assert.equal(world.ring.tick(), kid)
  assert.equal(kidOf(mint(world)), kid)
  assert.equal(await isVerifiedBy(fresh, world, mint(world)), true)
  assert.equal(await isVerifiedBy(world.ring.jwks(), world, last), true)
  world.clock.advance(680_000 - 1)
  assert.deepEqual(published(world), [kid, old])
  world.clock.advance(1)
  assert.deepEqual(published(world), [kid])
})

test('the gateway knows the old key for as long as a grant may last, and no longer', async () => {
  const world = await makeWorld()
  const old = world.ring.kid
  await world.ring.rotate(false)
  world.clock.advance(15 * minute)
  world.ring.tick()
  world.clock.advance(8 * hour - 1)
  world.ring.tick()
  assert.equal(world.ring.find(old)?.kid, old)
  world.clock.advance(1)
  assert.equal(world.ring.find(old), undefined)
  world.ring.tick()
  assert.equal(readFileSync(join(world.folder, 'assertion-keys.json'), 'utf8').includes(old), false)
})

test('a key that is given up at once proves nothing any more', async () => {
  const world = await makeWorld()
  const first = world.ring.kid
  await world.ring.rotate(false)
  world.clock.advance(15 * minute)
  world.ring.tick()
  const second = world.ring.kid
  await world.ring.rotate(false)
  const { kid, retiring } = await world.ring.rotate(true)
  assert.equal(retiring, second)
  assert.equal(kidOf(mint(world)), kid)
  assert.deepEqual(published(world), [kid])
  for (const gone of [first, second]) assert.equal(world.ring.find(gone), undefined)
  await world.restart()
  assert.deepEqual(published(world), [kid])
  for (const gone of [first, second]) assert.equal(world.ring.find(gone), undefined)
})

test('one rotation at a time', async () => {
  const world = await makeWorld()
  await world.ring.rotate(false)
  await assert.rejects(world.ring.rotate(false), Fault)
  world.clock.advance(15 * minute)
  world.ring.tick()
  await world.ring.rotate(false)
})

test('a restart goes on where it was, at every step', async () => {
  const world = await makeWorld()
  const old = world.ring.kid
  await world.restart()
  assert.equal(world.ring.kid, old)
  const { kid } = await world.ring.rotate(false)
  world.clock.advance(11 * minute)
  await world.restart()
  assert.deepEqual(published(world), [old, kid])
  world.clock.advance(4 * minute)
  assert.equal(world.ring.tick(), kid)
  await world.restart()
  assert.equal(world.ring.kid, kid)
  assert.deepEqual(published(world), [kid, old])
  assert.equal(world.ring.find(old)?.kid, old)
})

test('the private key of what signs no longer is gone, and what is there is for its owner alone', async () => {
  const world = await makeWorld()
  const keys = (): string[] => readdirSync(world.folder).filter((name) => name.endsWith('.pem'))
  assert.deepEqual(keys(), ['assertion.pem'])
  await world.ring.rotate(false)
  assert.deepEqual(keys(), ['assertion-2.pem', 'assertion.pem'])
  world.clock.advance(15 * minute)
  world.ring.tick()
  assert.deepEqual(keys(), ['assertion-2.pem'])
  await world.ring.rotate(true)
  assert.deepEqual(keys(), ['assertion-3.pem'])
  for (const file of readdirSync(world.folder)) assert.equal(statSync(join(world.folder, file)).mode & 0o077, 0)
})

test('killed while it makes a key, it goes on with the one it had', async () => {
  const world = await makeWorld()
  const old = world.ring.kid
  const other = await makeWorld()
  // the key is there, the record is not
  copyFileSync(join(other.folder, 'assertion.pem'), join(world.folder, 'assertion-2.pem'))
  await world.restart()
  assert.equal(world.ring.kid, old)
  const { kid } = await world.ring.rotate(true)
  copyFileSync(join(other.folder, 'assertion.pem'), join(world.folder, 'assertion-9.pem'))
  await world.restart()
  assert.equal(world.ring.kid, kid)
  assert.deepEqual(
    readdirSync(world.folder).filter((name) => name.endsWith('.pem')),
    ['assertion-3.pem'],
  )
})

test('a record of keys that cannot be read gives no old key back', async () => {
  const world = await makeWorld()
  const old = world.ring.kid
  await world.ring.rotate(false)
  world.clock.advance(15 * minute)
  world.ring.tick()
  for (const text of [
    '',
    '{',
    '[]',
    '{"retired":[{"jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},"atMs":9e15}]}',
  ]) {
    writeFileSync(join(world.folder, 'assertion-keys.json'), text)
    await world.restart()
    assert.equal(world.ring.find(old), undefined)
    assert.equal(published(world).length, 1)
  }
})
