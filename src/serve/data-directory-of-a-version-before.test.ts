// Whoever updates has signing keys in plain files. They are sealed at the first start, and no kill on the way may
// cost one: a log whose key is gone cannot be gone on with.

import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { verifyLedger } from '../audit/audit.ts'
import { createManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { loadAssertionKey } from '../forward/forward.ts'
import { openKeyFile, sealKeyFolder } from '../base/key-file.ts'
import { replaceSecretFile } from '../base/secret-file.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { DataKeys, onDisk } from '../secrets/secrets.ts'
import { open } from './fake-state.ts'
import { dataKeysPath, loadKeyEncryptionKey } from './key-encryption-key.ts'
import { openDataKeys } from './open-data-keys.ts'

const golden = join(import.meta.dirname, '../../test/golden/data-v1')
const origins = { gateway: 'sallyport.local/357127e4', cli: 'sallyport.local/10d7f673' }
const unreadable = (error: unknown): boolean => error instanceof Fault && error.code === 'KEY_UNREADABLE'
const clock = createManualClock()

function copyOfGolden(): string {
  const folder = temporaryFolder()
  for (const name of ['data', 'data.kek', 'data.pepper'])
    cpSync(join(golden, name), join(folder, name), { recursive: true })
  return join(folder, 'data')
}

const keyFiles = (dataDir: string): string[] =>
  readdirSync(join(dataDir, 'keys')).filter((name) => name.includes('.pem'))
const read = (dataDir: string, name: string): Buffer => readFileSync(join(dataDir, 'keys', name))
const plainKeys = new Map(keyFiles(join(golden, 'data')).map((name) => [name, read(join(golden, 'data'), name)]))

/** Every byte below the data directory, in one. */
function everything(dataDir: string): string {
  const files = readdirSync(dataDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.map((file) => readFileSync(join(file.parentPath, file.name), 'latin1')).join('\n')
}

test('a directory of before is opened: its keys are sealed, its logs go on, nothing plain is left', async () => {
  const dataDir = copyOfGolden()
  // what an older version may have left when it was killed while it wrote a key
  writeFileSync(join(dataDir, 'keys', 'ledger-357127e4-3.pem.tmp'), plainKeys.get('assertion.pem') ?? '')
  const state = await open(dataDir)
  assert.equal(state.ledger.origin, origins.gateway)
  assert.equal(await state.withLog('cli', (ledger) => Promise.resolve(ledger.origin)), origins.cli)
  assert.deepEqual(
    state.keys.list().map(({ name }) => name),
    ['alice'],
  )
  const kept = everything(dataDir)
  for (const pem of plainKeys.values()) {
    const body = pem.toString().split('\n')[1] ?? ''
    assert.ok(body.length > 60 && !kept.includes(body))
  }
  assert.doesNotMatch(kept, /BEGIN PRIVATE KEY/)
  assert.deepEqual(
    keyFiles(dataDir).filter((name) => !name.endsWith('.pem')),
    [],
  )
  await state.close()
  const again = await open(dataDir)
  assert.equal(again.ledger.origin, origins.gateway)
  await again.close()
  const report = await verifyLedger(join(dataDir, 'ledger'))
  assert.deepEqual(report.problems, [])
})

test('killed before or after any file was sealed, every key is still there', async () => {
  const names = [...plainKeys.keys()]
  for (let killedAt = 0; killedAt < names.length; killedAt += 1) {
    for (const isWritten of [false, true]) {
      const dataDir = copyOfGolden()
      const kek = loadKeyEncryptionKey(dataDir, undefined)
      const dataKeys = await DataKeys.open({ disk: onDisk(dataKeysPath(dataDir)), kek, nowMs: () => 0 })
      let written = 0
      const killed = sealKeyFolder(join(dataDir, 'keys'), dataKeys, (path, content) => {
        if (written === killedAt) {
          if (isWritten) replaceSecretFile(path, content)
          throw new Error('killed')
        }
        written += 1
        replaceSecretFile(path, content)
      })
      await assert.rejects(killed)
      const { dataKeys: again } = await openDataKeys(dataDir, undefined, clock)
      for (const [name, pem] of plainKeys) {
        const content = read(dataDir, name)
        assert.doesNotMatch(content.toString('latin1'), /BEGIN PRIVATE KEY/)
        assert.deepEqual(openKeyFile(again, name, content), pem)
      }
    }
  }
})

test('a thief of the disk without the key-encryption key can sign nothing and start nothing', async () => {
  const dataDir = copyOfGolden()
  await (await open(dataDir)).close()
  const stolen = join(temporaryFolder(), 'data')
  cpSync(dataDir, stolen, { recursive: true })
  await assert.rejects(open(stolen), unreadable)
  // nor with one of his own
  writeFileSync(`${stolen}.kek`, Buffer.alloc(32, 9).toString('base64url'))
  await assert.rejects(open(stolen), unreadable)
  for (const name of keyFiles(stolen)) assert.throws(() => createPrivateKey(read(stolen, name)), name)
})

test('key files that were swapped, cut or changed by a bit sign nothing', async () => {
  const dataDir = copyOfGolden()
  const { dataKeys } = await openDataKeys(dataDir, undefined, clock)
  const [first, second] = ['ledger-357127e4.pem', 'ledger-357127e4-2.pem'] as const
  const one = read(dataDir, first)
  assert.throws(() => openKeyFile(dataKeys, second, one), unreadable)
  for (const content of [
    one.subarray(0, -40),
    one.subarray(0, 60),
    Buffer.from(one.toString().replace(/\w(?=\n)/, (letter) => (letter === 'a' ? 'b' : 'a'))),
  ])
    assert.throws(() => openKeyFile(dataKeys, first, content), unreadable)
  writeFileSync(join(dataDir, 'keys', first), read(dataDir, second))
  await assert.rejects(open(dataDir), unreadable)
  writeFileSync(join(dataDir, 'keys', first), one)
  await (await open(dataDir)).close()
})

test('a plain key that somebody puts in the place of a sealed one is refused, not sealed', async () => {
  const dataDir = copyOfGolden()
  await (await open(dataDir)).close()
  const name = 'ledger-357127e4.pem'
  const plain = plainKeys.get(name) ?? Buffer.alloc(0)
  writeFileSync(join(dataDir, 'keys', name), plain)
  await assert.rejects(open(dataDir), unreadable)
  assert.deepEqual(read(dataDir, name), plain)
  const { dataKeys, sealedNow } = await openDataKeys(dataDir, undefined, clock)
  assert.deepEqual(sealedNow, [])
  const assertion = join(dataDir, 'keys', 'assertion.pem')
  writeFileSync(assertion, plainKeys.get('assertion.pem') ?? '')
  await assert.rejects(loadAssertionKey(assertion, dataKeys), unreadable)
})
