// The signing key and origin of a role: made once, kept, never weaker than a file of its owner's.

import assert from 'node:assert/strict'
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fakeSealer } from '../../test/fakes/sealer.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { Fault } from '../base/fault.ts'
import { ledgerIdentity } from './identity.ts'

const unreadable = (error: unknown): boolean => error instanceof Fault && error.code === 'KEY_UNREADABLE'

test('a role has the same identity every time, and another one than other roles', async () => {
  const dataDir = temporaryFolder()
  const first = await ledgerIdentity(dataDir, 'gateway', fakeSealer)
  const again = await ledgerIdentity(dataDir, 'gateway', fakeSealer)
  const other = await ledgerIdentity(dataDir, 'cli', fakeSealer)
  assert.match(first.origin, /^sallyport\.local\/[0-9a-f]{8}$/)
  assert.equal(first.dir, join(dataDir, 'ledger', first.origin.slice(-8)))
  assert.equal(again.origin, first.origin)
  assert.ok(again.signingKey.equals(first.signingKey))
  assert.notEqual(other.origin, first.origin)
})

test('two processes that begin at once agree', async () => {
  const dataDir = temporaryFolder()
  const all = await Promise.all(Array.from({ length: 5 }, () => ledgerIdentity(dataDir, 'gateway', fakeSealer)))
  assert.equal(new Set(all.map(({ origin }) => origin)).size, 1)
})

test('key files are readable by their owner only', async () => {
  const dataDir = temporaryFolder()
  await ledgerIdentity(dataDir, 'gateway', fakeSealer)
  for (const name of readdirSync(join(dataDir, 'keys')))
    assert.equal(statSync(join(dataDir, 'keys', name)).mode & 0o077, 0)
})

test('a lost or spoilt key is said, not replaced', async () => {
  const dataDir = temporaryFolder()
  const { origin } = await ledgerIdentity(dataDir, 'gateway', fakeSealer)
  const pem = join(dataDir, 'keys', `ledger-${origin.slice(-8)}.pem`)
  writeFileSync(pem, 'rubbish')
  await assert.rejects(ledgerIdentity(dataDir, 'gateway', fakeSealer), unreadable)
  rmSync(pem)
  await assert.rejects(ledgerIdentity(dataDir, 'gateway', fakeSealer), unreadable)
  writeFileSync(join(dataDir, 'keys/ledger-gateway.origin'), 'sallyport.local/../../etc')
  await assert.rejects(ledgerIdentity(dataDir, 'gateway', fakeSealer), unreadable)
})

test('an identity has all keys of its log in their order, and the newest signs', async () => {
  const dataDir = temporaryFolder()
  const { keyRing } = await ledgerIdentity(dataDir, 'gateway', fakeSealer)
  const second = await keyRing.add()
  const third = await keyRing.add()
  const { keyRing: again, signingKey } = await ledgerIdentity(dataDir, 'gateway', fakeSealer)
  assert.deepEqual(
    again.keys.map(({ number }) => number),
    [1, 2, 3],
  )
  assert.ok(signingKey.equals(third.privateKey))
  await again.drop(1)
  await again.drop(3)
  const left = (await ledgerIdentity(dataDir, 'gateway', fakeSealer)).keyRing.keys
  assert.deepEqual(
    left.map(({ number }) => number),
    [2],
  )
  assert.ok(left[0]?.privateKey.equals(second.privateKey))
})

test('a later key that cannot be read is a fault, and names that look like keys are none', async () => {
  const dataDir = temporaryFolder()
  const { origin } = await ledgerIdentity(dataDir, 'gateway', fakeSealer)
  const pem = (suffix: string): string => join(dataDir, 'keys', `ledger-${origin.slice(-8)}${suffix}.pem`)
  for (const suffix of ['-1', '-02', '-x', '-2.tmp', '-999999']) writeFileSync(pem(suffix), 'rubbish')
  assert.equal((await ledgerIdentity(dataDir, 'gateway', fakeSealer)).keyRing.keys.length, 1)
  writeFileSync(pem('-2'), 'rubbish')
  await assert.rejects(ledgerIdentity(dataDir, 'gateway', fakeSealer), unreadable)
})

test('when a key retires is kept over a restart, and forgotten when it has', async () => {
  const dataDir = temporaryFolder()
  const { keyRing } = await ledgerIdentity(dataDir, 'gateway', fakeSealer)
  await keyRing.retire({ key: 1, atMs: 12 })
  assert.deepEqual((await ledgerIdentity(dataDir, 'gateway', fakeSealer)).keyRing.retirement, { key: 1, atMs: 12 })
  await keyRing.retire(undefined)
  assert.equal((await ledgerIdentity(dataDir, 'gateway', fakeSealer)).keyRing.retirement, undefined)
})
