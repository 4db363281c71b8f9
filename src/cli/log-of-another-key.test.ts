// A thief replaces a ledger whole, by one that is signed with a key of the thief's own: every byte of it agrees with
// every other. Only who kept the key from before can tell, so `audit verify` takes it and holds every log to it. Nor
// does it speak of witnesses to whoever gave no key of any: that file, too, the thief writes.

import assert from 'node:assert/strict'
import { appendFileSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createPorts } from '../serve/ports.ts'
import { createCheckpointSigner, parseCheckpoint } from '../tlog/checkpoint.ts'
import { createCosigningKey } from '../tlog/cosignature.ts'
import {
  createSample,
  sampleName,
  sampleOrigin,
  sampleRecord,
  sampleSigningKey,
} from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { runCli } from './cli.ts'

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function verify(dataDir: string, ...words: string[]): Promise<Ran> {
  const [out, err]: [string[], string[]] = [[], []]
  const io = {
    out: (text: string): void => void out.push(text),
    err: (text: string): void => void err.push(text),
    color: false,
    cwd: dataDir,
    stopSignal: () => new AbortController().signal,
  }
  const code = await runCli(['audit', 'verify', '--data-dir', '.', ...words], io, () => Promise.resolve(createPorts()))
  return { code, out: out.join(''), err: err.join('') }
}

const vkeyOf = (seed?: string, origin = sampleOrigin): string =>
  createCheckpointSigner(origin, sampleSigningKey(seed)).vkey

/** A data directory with one log of three records, signed by the key that grows from this seed. */
async function dataDirOf(seed?: string): Promise<string> {
  const dataDir = temporaryFolder()
  const ledger = await createSample(join(dataDir, 'ledger')).open({ signingKey: sampleSigningKey(seed) })
  for (let at = 0; at < 3; at += 1) await ledger.append(sampleRecord(at))
  await ledger.close()
  return dataDir
}

const logDir = (dataDir: string): string => join(dataDir, 'ledger', sampleName)

test('a log of another key verifies by itself, and not by the key that was kept', async () => {
  const forged = await dataDirOf('a thief')
  assert.equal((await verify(forged)).code, 0)
  const { code, out, err } = await verify(forged, '--key', vkeyOf())
  assert.equal(code, 1)
  assert.match(out, /^not ok: /m)
  assert.match(err, /key\.vkey the verifier keys are not those that were given as trusted/)
  assert.equal((await verify(forged, '--key', vkeyOf(), '--json')).code, 1)
})

test('the right key is accepted, beside others and from the file that was kept', async () => {
  const dataDir = await dataDirOf()
  assert.equal((await verify(dataDir, '--key', vkeyOf())).code, 0)
  copyFileSync(join(logDir(dataDir), 'key.vkey'), join(dataDir, 'kept.vkey'))
  assert.equal((await verify(dataDir, '--key', 'file:kept.vkey')).code, 0)
  const kept = readFileSync(join(dataDir, 'kept.vkey'), 'latin1')
  writeFileSync(join(dataDir, 'kept.vkey'), `# of the gateway\r\n\n  ${kept}`)
  assert.equal((await verify(dataDir, '--key', 'file:kept.vkey')).code, 0)
})

test('the thief’s key beside the one that was kept is no help', async () => {
  const forged = await dataDirOf('a thief')
  appendFileSync(join(logDir(forged), 'key.vkey'), `${vkeyOf()}\n`)
  assert.equal((await verify(forged, '--key', vkeyOf())).code, 1)
})

test('a key that the thief wrote before the kept one is no help', async () => {
  const forged = await dataDirOf('a thief')
  const path = join(logDir(forged), 'key.vkey')
  writeFileSync(path, `${vkeyOf()}\n${readFileSync(path, 'latin1')}`)
  assert.equal((await verify(forged, '--key', vkeyOf())).code, 1)
})

test('one log in the right hands does not vouch for another beside it', async () => {
  const dataDir = await dataDirOf()
  const sample = createSample(join(dataDir, 'ledger'))
  const origin = 'sallyport.local/00c0ffee'
  const dir = join(dataDir, 'ledger', '00c0ffee')
  await (await sample.open({ dir, origin, signingKey: sampleSigningKey('another') })).close()
  assert.equal((await verify(dataDir)).code, 0)
  const { code, err } = await verify(dataDir, '--key', vkeyOf())
  assert.equal(code, 1)
  assert.match(err, /00c0ffee: in key\.vkey/)
  assert.doesNotMatch(err, new RegExp(`${sampleName}:`))
  assert.equal((await verify(dataDir, '--key', vkeyOf(), '--key', vkeyOf('another', origin))).code, 0)
})

test('a log whose key was kept is missed when it is gone', async () => {
  const dataDir = await dataDirOf()
  rmSync(logDir(dataDir), { recursive: true })
  const { code, err } = await verify(dataDir, '--key', vkeyOf())
  assert.equal(code, 1)
  assert.match(err, /the whole log is missing/)
})

const refused: readonly [string, readonly string[], RegExp][] = [
  ['no verifier key', ['--key', 'rubbish'], /not a verifier key: "rubbish"/],
  [
    'the key of a witness',
    ['--key', createCosigningKey('w.example', sampleSigningKey('w')).vkey],
    /not a verifier key/,
  ],
  ['the key of a log as that of a witness', ['--witness', vkeyOf()], /not a verifier key/],
  ['a file that is missing', ['--key', 'file:nowhere'], /cannot read nowhere/],
  ['a folder', ['--key', 'file:ledger'], /cannot read ledger/],
  ['a file without a key', ['--key', 'file:empty'], /there is no verifier key in empty/],
  ['a file of something else', ['--key', 'file:rubbish'], /not a verifier key/],
  ['a file without end', ['--key', 'file:/dev/zero'], /cannot read .dev.zero: it is no file/],
  ['a missing file of witnesses', ['--witness', 'file:nowhere'], /cannot read nowhere/],
  ['a file without a witness', ['--witness', 'file:empty'], /there is no verifier key in empty/],
  ['a missing checkpoint', ['--since', 'nowhere'], /cannot read nowhere/],
  ['no witnesses required', ['--require-witnesses', '0'], /is not a number of witnesses: "0"/],
  ['a word of witnesses', ['--require-witnesses', 'two'], /is not a number of witnesses: "two"/],
  ['witnesses that nobody named', ['--require-witnesses', '1'], /needs keys of witnesses/],
]
for (const [name, words, message] of refused) {
  test(`wrong usage: ${name}`, async () => {
    const dataDir = await dataDirOf()
    writeFileSync(join(dataDir, 'empty'), '# none yet\n\n')
    writeFileSync(join(dataDir, 'rubbish'), Buffer.from([0, 255, 254, 10, 13, 0, 1]))
    const { code, err } = await verify(dataDir, ...words)
    assert.match(err, message)
    assert.equal(code, 2)
  })
}

test('what witnesses are said to have seen is not said by whoever knows no witness', async () => {
  const dataDir = await dataDirOf()
  const [witness, stranger] = ['w', 'x'].map((name) => createCosigningKey(`${name}.example`, sampleSigningKey(name)))
  assert.ok(witness && stranger)
  const note = readFileSync(join(logDir(dataDir), 'checkpoint'))
  const checkpoint = parseCheckpoint(note)
  assert.ok(checkpoint)
  const line = witness.cosign(checkpoint, 1_790_000_000)
  writeFileSync(join(logDir(dataDir), 'witnessed'), `${note.toString()}${line.trimEnd()}\n`)
  const unasked = await verify(dataDir)
  assert.equal(unasked.code, 0)
  assert.match(unasked.out, /^ {2}witnessed not checked: no witness key given$/m)
  assert.doesNotMatch(unasked.out, /witnessed at/)
  assert.equal(JSON.parse((await verify(dataDir, '--json')).out).logs[0].witnessed, undefined)
  const asked = await verify(dataDir, '--witness', witness.vkey)
  assert.match(asked.out, /^ {2}witnessed at 7 records, 2026-\S+, by w\.example; 0 records beyond it$/m)
  const known = JSON.parse((await verify(dataDir, '--witness', witness.vkey, '--json')).out)
  assert.deepEqual(known.logs[0].witnessed.witnesses, ['w.example'])
  const other = await verify(dataDir, '--witness', stranger.vkey)
  assert.match(other.out, /^ {2}witnessed by no witness that is known$/m)
  assert.equal((await verify(dataDir, '--witness', stranger.vkey, '--require-witnesses', '1')).code, 1)
})
