import assert from 'node:assert/strict'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fakeSealer } from '../../test/fakes/sealer.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { Fault } from './fault.ts'
import { countKeyFiles, readOrCreateKeyFile, resealKeyFolder, sealKeyFolder } from './key-file.ts'
import type { Sealer } from './sealing.ts'

const unreadable = (error: unknown): boolean => error instanceof Fault && error.code === 'KEY_UNREADABLE'
const secret = Buffer.from('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')
const refusing: Sealer = { ...fakeSealer, acceptsPlain: false }

test('a secret is made once, sealed and for the owner alone', async () => {
  const path = join(temporaryFolder(), 'keys', 'pairwise.pem')
  assert.deepEqual(await readOrCreateKeyFile(path, fakeSealer, () => secret), secret)
  assert.deepEqual(await readOrCreateKeyFile(path, fakeSealer, () => Buffer.alloc(32)), secret)
  assert.ok(!readFileSync(path).includes(secret))
  assert.equal(statSync(path).mode & 0o777, 0o600)
})

test('what lies plain is sealed once, drafts go, and what is no key is left alone', async () => {
  const folder = temporaryFolder()
  const files = {
    'pairwise.pem': secret,
    'ledger-gateway.origin': Buffer.from('x'),
    'rubbish.pem': Buffer.from('rubbish'),
    'assertion.pem.0123456789ab': Buffer.from('draft'),
    'ledger-x-2.pem.tmp': Buffer.from('draft'),
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  assert.deepEqual(await sealKeyFolder(folder, refusing), [])
  assert.deepEqual(await sealKeyFolder(folder, fakeSealer), ['pairwise.pem'])
  assert.deepEqual(await sealKeyFolder(folder, fakeSealer), [])
  assert.deepEqual(readdirSync(folder).sort(), ['ledger-gateway.origin', 'pairwise.pem', 'rubbish.pem'])
  assert.equal(readFileSync(join(folder, 'rubbish.pem'), 'utf8'), 'rubbish')
  assert.deepEqual(await readOrCreateKeyFile(join(folder, 'pairwise.pem'), refusing, () => secret), secret)
  await assert.rejects(
    readOrCreateKeyFile(join(folder, 'rubbish.pem'), refusing, () => secret),
    unreadable,
  )
})

test('a folder is sealed anew step by step, and a file that went meanwhile is not brought back', async () => {
  const folder = temporaryFolder()
  for (const name of ['a', 'b', 'c']) await readOrCreateKeyFile(join(folder, `${name}.pem`), fakeSealer, () => secret)
  const sealedAnew = new Set<string>()
  // as after a rotation: nothing is current, until it was sealed again
  const rotated: Sealer = {
    ...fakeSealer,
    isCurrent: (sealed) => sealedAnew.has(sealed.toString('hex')),
    seal: (place, plaintext, keep) =>
      fakeSealer.seal(place, plaintext, (sealed) => {
        sealedAnew.add(sealed.toString('hex'))
        if (place.row === 'b.pem') writeFileSync(join(folder, 'b.pem'), 'another')
        return keep(sealed)
      }),
  }
  assert.deepEqual(countKeyFiles(folder, rotated), { total: 3, done: 0 })
  await resealKeyFolder(folder, rotated, () => true)
  assert.deepEqual(countKeyFiles(folder, rotated), { total: 3, done: 1 })
  await resealKeyFolder(folder, rotated, () => false)
  assert.equal(readFileSync(join(folder, 'b.pem'), 'utf8'), 'another')
  assert.deepEqual(countKeyFiles(folder, rotated), { total: 2, done: 2 })
  assert.deepEqual(countKeyFiles(join(folder, 'none'), rotated), { total: 0, done: 0 })
})
