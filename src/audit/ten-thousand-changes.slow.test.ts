// Ten thousand random single changes to the files of a ledger: bytes flipped, removed or swapped, files cut, removed or
// swapped, the checkpoint replaced by another. Every one is found, and the file or the first record concerned is named.

import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { loadMemoryDisk, type MemoryDisk } from '../../test/fakes/memory-disk.ts'
import { createSample, sampleOrigin, sampleRecord, sampleSigningKey } from '../../test/fakes/sample-ledger.ts'
import { createCheckpointSigner } from '../tlog/checkpoint.ts'
import { readGroup } from './frame.ts'
import { segmentIndex } from './segment.ts'
import { verifyLedger } from './verify-ledger.ts'

const log = '5a11e001'
const changes = 10_000

/** A log with full and partial tiles and several segments, and the checkpoints that it published on the way. */
async function tiledLog(): Promise<{ disk: MemoryDisk; older: Buffer[] }> {
  const sample = createSample()
  const older: Buffer[] = []
  let ledger = await sample.open({ segmentSize: 100_000 })
  for (let group = 0, next = 0; next < 290; group += 1) {
    const numbers = Array.from({ length: 1 + 5 * (group % 7) }, (_, place) => next + place)
    await Promise.all(numbers.map((number) => ledger.append(sampleRecord(number))))
    next += numbers.length
    older.push(Buffer.from(ledger.checkpoint()))
  }
  await ledger.close()
  // a second life: what was published before is a state that this log was in
  ledger = await sample.open({ segmentSize: 100_000 })
  await ledger.append(sampleRecord(1))
  await ledger.close()
  return { disk: loadMemoryDisk(sample.root), older }
}

type Draw = (below: number) => number

function drawsOf(seed: string): Draw {
  let count = 0
  return (below) => {
    count += 1
    return createHash('sha256').update(`${seed} ${count}`).digest().readUInt32LE() % below
  }
}

interface Change {
  readonly what: string
  /** files that are other than before; undefined: removed */
  readonly files: readonly (readonly [string, Buffer | undefined])[]
}

function changeOf(draw: Draw, disk: MemoryDisk, older: readonly Buffer[]): Change {
  const names = [...disk.files.keys()]
  // large files are drawn as often as they have bytes, small ones often enough
  const pick = (): string => {
    if (draw(3) === 0) return names[draw(names.length)] ?? assert.fail()
    const total = [...disk.files.values()].reduce((sum, bytes) => sum + bytes.length, 0)
    let at = draw(total)
    return names.find((name) => (at -= disk.files.get(name)?.length ?? 0) < 0) ?? assert.fail()
  }
  const name = pick()
  const bytes = disk.files.get(name) ?? assert.fail()
  const at = draw(bytes.length || 1)
  switch (draw(8)) {
    case 0: {
      const cut = bytes.subarray(0, at)
      return { what: `cut ${name} to ${at} bytes`, files: [[name, cut]] }
    }
    case 1: {
      const length = 1 + draw(Math.min(200, bytes.length - at || 1))
      const rest = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
      return { what: `remove ${length} bytes at ${at} of ${name}`, files: [[name, rest]] }
    }
    case 2: {
      const other = draw(bytes.length || 1)
      const length = 1 + draw(64)
      const swapped = Buffer.from(bytes)
      bytes.copy(swapped, at, other, other + length)
      bytes.copy(swapped, other, at, at + length)
      return { what: `swap ${length} bytes at ${at} and ${other} of ${name}`, files: [[name, swapped]] }
    }
    case 3: {
      const other = pick()
      return {
        what: `swap ${name} and ${other}`,
        files: [
          [name, disk.files.get(other)],
          [other, bytes],
        ],
      }
    }
    case 4:
      return draw(4) === 0 ? { what: `remove ${name}`, files: [[name, undefined]] } : flip(draw, name, bytes, at)
    case 5:
      return draw(4) === 0 ? replaceCheckpoint(draw, older) : flip(draw, name, bytes, at)
    default:
      return flip(draw, name, bytes, at)
  }
}

function flip(draw: Draw, name: string, bytes: Buffer, at: number): Change {
  const flipped = Buffer.from(bytes)
  if (flipped.length > 0) flipped[at] = (flipped[at] ?? 0) ^ (1 + draw(255))
  return { what: `flip byte ${at} of ${name}`, files: [[name, flipped]] }
}

function replaceCheckpoint(draw: Draw, older: readonly Buffer[]): Change {
  const name = `${log}/checkpoint`
  const forger = createCheckpointSigner(sampleOrigin, sampleSigningKey('other'))
  const root = createHash('sha256')
    .update(String(draw(1_000_000)))
    .digest()
  switch (draw(3)) {
    case 0:
      return { what: 'a checkpoint signed by another key', files: [[name, Buffer.from(forger.sign(draw(400), root))]] }
    case 1: {
      const ours = createCheckpointSigner(sampleOrigin, sampleSigningKey())
      const size = 1 + draw(500)
      return { what: `a checkpoint of another tree of ${size}`, files: [[name, Buffer.from(ours.sign(size, root))]] }
    }
    default:
      return { what: 'an older checkpoint of this log', files: [[name, older[draw(older.length)] ?? assert.fail()]] }
  }
}

/** First and last record that a change may be reported at; undefined where the file's name says enough. */
function concerned(
  place: string,
  before: Buffer,
  after: Buffer | undefined,
): { first: number; last: number } | undefined {
  const firstIndex = segmentIndex(place.slice('segments/'.length))
  if (firstIndex === undefined) return undefined
  let at = 0
  if (after !== undefined) while (at < before.length && before[at] === after[at]) at += 1
  let first = firstIndex
  for (let start = before.readUInt32LE(12); ;) {
    const group = readGroup(before, start, before.length, start)
    if (group.kind === 'stop') return { first, last: first }
    // a group is reported at its first record when only its checkpoint gives the change away
    if (after === undefined || at < group.end) return { first, last: first + group.records.length }
    first += group.records.length
    start = group.end
  }
}

test('10,000 random changes are found and located, every one', async () => {
  const { disk, older } = await tiledLog()
  assert.deepEqual((await verifyLedger('', { fs: disk })).problems, [])
  const original = new Map(disk.files)
  const seed = randomUUID()
  const draw = drawsOf(seed)
  let made = 0
  while (made < changes) {
    const { what, files } = changeOf(draw, disk, older)
    const isChange = files.some(([name, bytes]) => bytes === undefined || !original.get(name)?.equals(bytes))
    if (!isChange) continue
    made += 1
    for (const [name, bytes] of files) {
      if (bytes === undefined) disk.files.delete(name)
      else disk.files.set(name, bytes)
    }
    const { ok, problems } = await verifyLedger('', { fs: disk })
    const isLocated = files.some(([name, bytes]) => {
      const place = name.slice(log.length + 1)
      const from = concerned(place, original.get(name) ?? assert.fail(), bytes)
      return problems.some(({ file, index }) =>
        from === undefined ? file === place : index !== undefined && index >= from.first && index <= from.last,
      )
    })
    assert.ok(!ok && isLocated, `${what} (change ${made} of seed ${seed}): ${JSON.stringify(problems.slice(0, 3))}`)
    for (const [name] of files) disk.files.set(name, original.get(name) ?? assert.fail())
  }
})
