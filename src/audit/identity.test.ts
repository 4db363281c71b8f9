// The signing key and origin of a role: made once, kept, never weaker than a file of its owner's.

import assert from 'node:assert/strict'
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { Fault } from '../base/fault.ts'
import { ledgerIdentity } from './identity.ts'

const unreadable = (error: unknown): boolean => error instanceof Fault && error.code === 'KEY_UNREADABLE'

test('a role has the same identity every time, and another one than other roles', async () => {
  const dataDir = temporaryFolder()
  const first = await ledgerIdentity(dataDir, 'gateway')
  const again = await ledgerIdentity(dataDir, 'gateway')
  const other = await ledgerIdentity(dataDir, 'cli')
  assert.match(first.origin, /^sallyport\.local\/[0-9a-f]{8}$/)
  assert.equal(first.dir, join(dataDir, 'ledger', first.origin.slice(-8)))
  assert.equal(again.origin, first.origin)
  assert.ok(again.signingKey.equals(first.signingKey))
  assert.notEqual(other.origin, first.origin)
})

test('two processes that begin at once agree', async () => {
  const dataDir = temporaryFolder()
  const all = await Promise.all(Array.from({ length: 5 }, () => ledgerIdentity(dataDir, 'gateway')))
  assert.equal(new Set(all.map(({ origin }) => origin)).size, 1)
})

test('key files are readable by their owner only', async () => {
  const dataDir = temporaryFolder()
  await ledgerIdentity(dataDir, 'gateway')
  for (const name of readdirSync(join(dataDir, 'keys')))
    assert.equal(statSync(join(dataDir, 'keys', name)).mode & 0o077, 0)
})

test('a lost or spoilt key is said, not replaced', async () => {
  const dataDir = temporaryFolder()
  const { origin } = await ledgerIdentity(dataDir, 'gateway')
  const pem = join(dataDir, 'keys', `ledger-${origin.slice(-8)}.pem`)
  writeFileSync(pem, 'rubbish')
  await assert.rejects(ledgerIdentity(dataDir, 'gateway'), unreadable)
  rmSync(pem)
  await assert.rejects(ledgerIdentity(dataDir, 'gateway'), unreadable)
  writeFileSync(join(dataDir, 'keys/ledger-gateway.origin'), 'sallyport.local/../../etc')
  await assert.rejects(ledgerIdentity(dataDir, 'gateway'), unreadable)
})
