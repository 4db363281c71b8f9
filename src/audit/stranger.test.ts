// docs/ledger.md against the bytes: the verifier in test/fakes/stranger.ts was written from that page alone, and so is
// what opens bodies here. They must accept the golden ledgers and a log that has lived (rotated keys, an erasure, expired
// bodies, pruned records, tiles), and find what `audit verify` finds.

import assert from 'node:assert/strict'
import { createDecipheriv, createHmac, createPublicKey, verify } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { createRotatingSample } from '../../test/fakes/rotating-ledger.ts'
import { sampleName, sampleRecord, type Sample } from '../../test/fakes/sample-ledger.ts'
import { verifyAsStranger, type ReadLog } from '../../test/fakes/stranger.ts'
import { crc32c, sha256 } from '../../test/fakes/stranger-tree.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { Receipt } from '../exchange/exchange.ts'
import { verifyLedger } from './verify-ledger.ts'

const golden = (version: string): string => join(import.meta.dirname, `../../test/golden/ledger-${version}`)
const logOf = (folder: string): string => join(folder, 'ledger', sampleName)
const kek = sha256('sample key-encryption key')

for (const version of ['v1', 'v2']) {
  test(`the golden ledger ${version} is what docs/ledger.md says`, () => {
    const { size, root } = verifyAsStranger(logOf(golden(version)))
    assert.deepEqual({ size, root }, JSON.parse(readFileSync(join(golden(version), 'expected.json'), 'utf8')))
  })

  test(`bodies of ${version} open, and their salts and values give the commitments, as docs/ledger.md says`, () => {
    const dir = logOf(golden(version))
    const opened = openBodies(dir, verifyAsStranger(dir))
    assert.equal(opened.closed, 0)
    assert.ok(opened.fields > 100)
    assert.equal(opened.events > 0, version !== 'v1')
  })
}

/** Three days of hourly records, two keys taken in, one subject gone, old bodies and the oldest records gone too. */
async function livedLog(): Promise<{ sample: Sample; receipt: Receipt; signature: string; before: string }> {
  const sample = createRotatingSample()
  const ledger = await sample.open({ checkpointIntervalMs: 1 })
  let number = 0
  const hours = async (count: number): Promise<Receipt[]> => {
    const receipts: Receipt[] = []
    for (let hour = 0; hour < count; hour += 1) {
      const timeMs = sample.clock.nowMs()
      const batch = Array.from({ length: 12 }, () => ledger.append(sampleRecord(number++, { timeMs })))
      receipts.push(...(await Promise.all(batch)))
      sample.clock.advance(3_600_000)
    }
    return receipts
  }
  const retain = async (recordsMs: number, completion: number): Promise<void> => {
    const rules = { recordsMs, bodiesMs: { completion } }
    const { records, bodies } = await ledger.applyRetention({ rules, heldSubjects: [], isDryRun: false })
    assert.ok(records > 0 && bodies > 0)
  }
  await hours(24)
  await ledger.rotateKey(6 * 3_600_000)
  await hours(24)
  await ledger.tick()
  await retain(40 * 3_600_000, 20 * 3_600_000)
  await hours(12)
  const before = readFileSync(join(sample.dir, 'subjects.keys'), 'latin1')
  await ledger.eraseSubject('key:ci')
  await ledger.rotateKey(6 * 3_600_000)
  const [receipt] = await hours(12)
  await retain(18 * 3_600_000, 10 * 3_600_000)
  assert.ok(receipt !== undefined)
  const signature = await ledger.signReceipt(receipt)
  await ledger.close()
  return { sample, receipt, signature, before }
}

const lived = livedLog()

test('a log that has lived is what docs/ledger.md says', async () => {
  const { sample } = await lived
  const log = verifyAsStranger(sample.dir)
  const report = await verifyLedger(sample.root)
  assert.deepEqual(report.problems, [])
  assert.deepEqual([log.size, log.root], [report.size, report.root])
  assert.ok((log.records[0]?.index ?? 0) > 256, 'whole tiles are pruned')
  assert.ok(log.records.some(({ isExpired }) => isExpired))
  assert.equal(readFileSync(join(sample.dir, 'key.vkey'), 'latin1').trimEnd().split('\n').length, 3)
  const { closed, fields, events } = openBodies(sample.dir, log)
  assert.ok(closed > 0 && fields > 100 && events > 100)
})

test('a receipt is signed as docs/ledger.md says', async () => {
  const { sample, receipt, signature } = await lived
  const [line = ''] = readFileSync(join(sample.dir, 'key.vkey'), 'latin1').trimEnd().split('\n').slice(-1)
  const [origin = '', keyHash = ''] = line.split('+')
  const x = Buffer.from(line.slice(origin.length + keyHash.length + 2), 'base64')
    .subarray(1)
    .toString('base64url')
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  const text = `sallyport-receipt/v1\n${receipt.origin}\n${receipt.index}\n${receipt.leafHash}\n`
  assert.equal(signature.split(' ')[0], keyHash)
  assert.ok(verify(null, Buffer.from(text), publicKey, Buffer.from(signature.split(' ')[1] ?? '', 'base64url')))
})

test('an erasure that a crash interrupted, written by hand as docs/ledger.md has it, is finished', async () => {
  const { sample, before } = await lived
  const copy = copyOf(sample)
  const keys = join(copy.dir, 'subjects.keys')
  const after = readFileSync(keys, 'latin1')
  const replaced: string[] = []
  let offset = 0
  for (const [at, line] of after.split('\n').entries()) {
    if (line.startsWith('x1') && line !== before.split('\n')[at]) replaced.push(`${offset} ${line}`)
    offset += line.length + 1
  }
  const erasure = replaced[0]?.split(' ')[6]
  const journal = [`e1 ${erasure}`, ...replaced, ''].join('\n')
  const sum = crc32c(Buffer.from(journal)).toString(16).padStart(8, '0')
  writeFileSync(join(copy.dir, 'subjects.erasing'), `${journal}${sum}\n`)
  writeFileSync(keys, before + after.slice(before.length))
  const report = await verifyLedger(copy.root)
  assert.deepEqual(report.problems, [])
  assert.deepEqual(
    report.notes.map(({ file }) => file),
    ['subjects.erasing'],
  )
  assert.throws(() => verifyAsStranger(copy.dir), 'the lines of an erased subject are there')
  const opened = createRotatingSample(copy.dataDir)
  await (await opened.open()).close()
  assert.equal(readFileSync(keys, 'latin1'), after)
  assert.equal(existsSync(join(copy.dir, 'subjects.erasing')), false)
})

test('what is changed anywhere in the folder is found by both verifiers', async () => {
  const { sample } = await lived
  const all = readdirSync(sample.dir, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
  const files = all.map((each) => relative(sample.dir, join(each.parentPath, each.name)))
  assert.ok(files.length > 8)
  // of segments one in six: they are alike
  const some = files.filter((file, at) => !file.startsWith('segments/') || at % 6 === 0)
  for (const [at, file] of some.entries()) {
    const copy = copyOf(sample)
    const bytes = readFileSync(join(copy.dir, file))
    const place = (at * 7_919) % bytes.length
    bytes[place] = (bytes[place] ?? 0) ^ 0x01
    writeFileSync(join(copy.dir, file), bytes)
    assert.throws(() => verifyAsStranger(copy.dir), `${file} at ${place}`)
    assert.equal((await verifyLedger(copy.root)).ok, false, `${file} at ${place}`)
  }
})

function copyOf(sample: Sample): { dataDir: string; root: string; dir: string } {
  const dataDir = temporaryFolder()
  cpSync(join(sample.root, '..'), dataDir, { recursive: true })
  return { dataDir, root: join(dataDir, 'ledger'), dir: join(dataDir, 'ledger', sampleName) }
}

/** How many fields and whole events were proven, and how many bodies no line opens any more. */
function openBodies(dir: string, { origin, records }: ReadLog): { fields: number; events: number; closed: number } {
  const keys = readDataKeys(dir, origin)
  const count = { fields: 0, events: 0, closed: 0 }
  for (const { envelope, body } of records) {
    const dataKey = body && keys.get(body.toString('hex', 1, 9))
    if (body !== undefined && dataKey === undefined) count.closed += 1
    if (body === undefined || dataKey === undefined) continue
    const key = createHmac('sha256', dataKey).update(body.subarray(9, 25)).digest()
    const nonce = Buffer.concat([Buffer.alloc(4), body.subarray(25, 33)])
    const aad = Buffer.concat([body.subarray(0, 33), Buffer.from(envelope.call)])
    const text = unseal(key, nonce, aad, body.subarray(33)).toString()
    const { event, salts, values } = JSON.parse(text) as Record<'event' | 'salts' | 'values', Record<string, string>>
    const eventText = text.slice('{"event":'.length, text.lastIndexOf(',"salts":{'))
    assert.deepEqual(Object.keys(salts).toSorted(), Object.keys(envelope.fields).toSorted())
    for (const [name, salt] of Object.entries(salts)) {
      const value = name === 'event' ? eventText : (values[name] ?? event[name] ?? assert.fail())
      const parts = [name, value].flatMap((part) => [u32(Buffer.byteLength(part)), Buffer.from(part)])
      assert.equal(sha256(Buffer.from(salt, 'base64url'), ...parts).toString('base64url'), envelope.fields[name])
      count[name === 'event' ? 'events' : 'fields'] += 1
    }
  }
  return count
}

function readDataKeys(dir: string, origin: string): Map<string, Buffer> {
  const derive = (label: string, input: Buffer): Buffer =>
    createHmac('sha256', kek).update(`sallyport ${label} v1\0${origin}\0`).update(input).digest()
  const keys = new Map<string, Buffer>()
  for (const line of readFileSync(join(dir, 'subjects.keys'), 'latin1').trimEnd().split('\n')) {
    const parts = line.split(' ')
    if (parts[0] !== 'k1') continue
    const wrapped = Buffer.from(parts[5] ?? '', 'base64url')
    const aad = Buffer.from(`${origin}\n${parts.slice(0, 5).join(' ')}`)
    const key = derive('subject key', wrapped.subarray(0, 16))
    const plaintext = unseal(key, Buffer.alloc(12), aad, wrapped.subarray(16))
    assert.equal(derive('subject tag', plaintext.subarray(48)).subarray(0, 16).toString('base64url'), parts[4])
    keys.set(parts[3] ?? '', plaintext.subarray(0, 32))
  }
  return keys
}

function unseal(key: Buffer, nonce: Buffer, aad: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(aad).setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
