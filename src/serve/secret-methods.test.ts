import assert from 'node:assert/strict'
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import test from 'node:test'
import { readLedger } from '../audit/audit.ts'
import { createManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { loadAssertionKey } from '../forward/forward.ts'
import { parseConfig, type LoadedConfig } from '../config/config.ts'
import type { RotationProgress, SecretMethods } from '../cli/ports.ts'
import { home } from './fake-state.ts'
import { keySource } from './key-encryption-key.ts'
import { createSecretMethods } from './secret-methods.ts'
import { openState, type State } from './state.ts'

const faultOf =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof Fault && error.code === code
const value = (text: string): string => Buffer.from(text).toString('base64')

/** The configuration beside a data directory; `kek` names a file there. */
function configOf(dataDir: string, kek?: string): LoadedConfig {
  const audit = kek === undefined ? '' : `audit: { keyEncryptionKey: "file:${kek}" }\n`
  const text = `dataDir: ./data\n${audit}admin: { token: "secret:admin" }\n`
  const loaded = parseConfig(text, join(dirname(dataDir), 'sallyport.yaml'))
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded
}

async function open(dataDir: string, kek?: string): Promise<{ state: State; methods: SecretMethods }> {
  const loaded = configOf(dataDir, kek)
  const state = await openState({
    dataDir,
    loaded,
    role: 'gateway',
    clock: createManualClock(),
    snapshotDigest: () => 'd',
    onFatal: (fault) => assert.fail(fault),
  })
  return { state, methods: createSecretMethods(state, { loaded: () => loaded, nowMs: () => 0 }) }
}

function newKek(dataDir: string, name: string, byte: number): string {
  writeFileSync(join(dirname(dataDir), name), Buffer.alloc(32, byte).toString('base64url'), { mode: 0o600 })
  return `file:${name}`
}

async function rotateToEnd(methods: SecretMethods, kek: string | null): Promise<RotationProgress> {
  let progress = await methods['secrets.rotate']({ kek, goOn: false })
  while (!progress.finished) progress = await methods['secrets.rotate']({ kek, goOn: true })
  return progress
}

async function administered(state: State, dataDir: string, loaded: LoadedConfig): Promise<string[]> {
  await state.audit.administered('test', '', {})
  const keyEncryptionKey = await keySource(dataDir, loaded).load()
  const events: string[] = []
  const log = join(dataDir, 'ledger', basename(state.ledger.origin))
  for await (const { envelope, event } of readLedger(log, { keyEncryptionKey })) {
    if (envelope.kind !== 'administration') continue
    assert.ok(event !== undefined, 'a record that cannot be read')
    events.push(JSON.stringify(event))
  }
  return events
}

test('what is stored, and removed, is on record by name, and its value nowhere', async () => {
  const dataDir = home()
  const { state, methods } = await open(dataDir)
  assert.deepEqual(await methods['secret.set']({ name: 'admin', value: value('hunter2-hunter2') }), {
    existed: false,
    usedAt: ['admin.token'],
    // the admin listener takes it up with a reload
    needRestart: [],
  })
  assert.equal((await methods['secret.set']({ name: 'other', value: value('x') })).usedAt.length, 0)
  assert.deepEqual(
    (await methods['secret.list']({})).map(({ name, usedAt }) => [name, usedAt]),
    [
      ['admin', ['admin.token']],
      ['other', []],
    ],
  )
  assert.equal((await methods['secret.remove']({ name: 'other' })).existed, true)
  assert.equal((await methods['secret.remove']({ name: 'other' })).existed, false)
  const events = (await administered(state, dataDir, configOf(dataDir))).join('\n')
  assert.match(events, /"secret\.set"/)
  assert.match(events, /"secret\.remove"/)
  assert.doesNotMatch(events, /hunter2|aHVudGVyMi/)
  await state.close()
})

test('a rotation of the data key seals everything anew, and says how far it is', async () => {
  const dataDir = home()
  const { state, methods } = await open(dataDir)
  const assertion = join(dataDir, 'keys', 'assertion.pem')
  const key = await loadAssertionKey(assertion, state.dataKeys)
  for (let count = 0; count < 5; count += 1)
    await methods['secret.set']({ name: `s${count}`, value: value(`v${count}`) })
  const before = readFileSync(assertion)
  const progress = await rotateToEnd(methods, null)
  assert.deepEqual([progress.finished, progress.total, progress.done, progress.isNewKek], [true, 7, 7, false])
  assert.notDeepEqual(readFileSync(assertion), before)
  assert.ok((await loadAssertionKey(assertion, state.dataKeys)).equals(key))
  assert.equal(state.secrets.read('s3')?.text(), 'v3')
  await state.close()
  const again = await open(dataDir)
  assert.equal(again.state.secrets.read('s3')?.text(), 'v3')
  await again.state.close()
})

test('after a rotation of the key-encryption key the old one opens nothing, and every record is still readable', async () => {
  const dataDir = home()
  const kek = newKek(dataDir, 'new.kek', 9)
  const first = await open(dataDir)
  await first.methods['secret.set']({ name: 'crm', value: value('hunter2') })
  const progress = await rotateToEnd(first.methods, kek)
  assert.equal(progress.isNewKek, true)
  // a command that asks once more begins nothing
  assert.equal((await first.methods['secrets.rotate']({ kek, goOn: true })).finished, true)
  // the running process goes on
  await first.methods['secret.set']({ name: 'late', value: value('late') })
  await first.state.ledger.rotateKey(1_000)
  await first.state.close()

  await assert.rejects(open(dataDir), faultOf('KEY_UNREADABLE'))
  await assert.rejects(keySource(dataDir, configOf(dataDir)).load(), faultOf('KEY_UNREADABLE'))
  const second = await open(dataDir, 'new.kek')
  assert.equal(second.state.secrets.read('crm')?.text(), 'hunter2')
  assert.equal(second.state.secrets.read('late')?.text(), 'late')
  const events = await administered(second.state, dataDir, configOf(dataDir, 'new.kek'))
  assert.ok(events.some((event) => event.includes('secrets.rotate.done')))
  await second.state.close()
})

test('a rotation that was killed anywhere is gone on with under either key, and loses nothing', async () => {
  const template = home()
  newKek(template, 'new.kek', 9)
  const first = await open(template)
  for (const name of ['a', 'b', 'c']) await first.methods['secret.set']({ name, value: value(name) })
  const key = await loadAssertionKey(join(template, 'keys', 'assertion.pem'), first.state.dataKeys)
  await first.state.close()

  for (const kekAfter of [undefined, 'new.kek']) {
    for (const killedAt of kekAfter === undefined ? [0, 1, 2, 4, 6] : [1, 3]) {
      const dataDir = home()
      for (const name of readdirSync(dirname(template)))
        cpSync(join(dirname(template), name), join(dirname(dataDir), name), { recursive: true })
      const { state } = await open(dataDir)
      // ends each step after one value, and is killed after so many of them
      let asked = 0
      const steps = createSecretMethods(state, { loaded: () => configOf(dataDir), nowMs: () => (asked += 10_000) })
      let isFinished = false
      for (let step = 0; step < killedAt; step += 1)
        isFinished = (await steps['secrets.rotate']({ kek: 'file:new.kek', goOn: step > 0 })).finished || isFinished
      await state.close()

      const again = await open(dataDir, isFinished ? 'new.kek' : kekAfter).catch((error: unknown) => {
        // the new key opens nothing before it was begun
        assert.ok(killedAt === 0 && faultOf('KEY_UNREADABLE')(error))
        return open(dataDir)
      })
      for (const name of ['a', 'b', 'c']) assert.equal(again.state.secrets.read(name)?.text(), name)
      await rotateToEnd(again.methods, 'file:new.kek')
      await again.state.close()
      const last = await open(dataDir, 'new.kek')
      for (const name of ['a', 'b', 'c']) assert.equal(last.state.secrets.read(name)?.text(), name)
      const path = join(dataDir, 'keys', 'assertion.pem')
      assert.ok((await loadAssertionKey(path, last.state.dataKeys)).equals(key))
      await last.state.close()
      await assert.rejects(open(dataDir), faultOf('KEY_UNREADABLE'))
    }
  }
})

test('a key-encryption key that lies in the data directory, is a stored secret, or none, is not rotated to', async () => {
  const dataDir = home()
  const { state, methods } = await open(dataDir)
  writeFileSync(join(dataDir, 'inside.kek'), Buffer.alloc(32, 9).toString('base64url'))
  writeFileSync(join(dirname(dataDir), 'short.kek'), 'short')
  await methods['secret.set']({ name: 'kek', value: value(Buffer.alloc(32, 9).toString('base64url')) })
  const refused = {
    'file:data/inside.kek': 'KEY_UNREADABLE',
    'secret:kek': 'CONTROL_FAILED',
    'file:short.kek': 'KEY_UNREADABLE',
    'file:none': 'KEY_UNREADABLE',
    hunter2: 'KEY_UNREADABLE',
  }
  for (const [kek, code] of Object.entries(refused))
    await assert.rejects(methods['secrets.rotate']({ kek, goOn: false }), faultOf(code), kek)
  assert.equal(state.dataKeys.rotation, undefined)
  await state.close()
})
