import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../base/fault.ts'
import { DataKeys, readLedgerKey, type NamedKey } from './data-keys.ts'
import type { DataKeysDisk } from './data-keys-file.ts'
import { keyIdOf } from './envelope.ts'
import { createLocalKey } from './key-encryption-key.ts'

const place = { table: 'stored_secret', row: 'crm', column: 'value' }
const plaintext = Buffer.from('hunter2')
const kek = (byte: number, reference = ''): NamedKey => ({ key: createLocalKey(Buffer.alloc(32, byte)), reference })
const ledgerKey = Buffer.alloc(32, 1)
const unreadable = (error: unknown): boolean => error instanceof Fault && error.code === 'KEY_UNREADABLE'
const keep = (sealed: Buffer): Buffer => sealed

interface MemoryDisk extends DataKeysDisk {
  content: Buffer | undefined
  writes: number
}

function memoryDisk(content?: Buffer): MemoryDisk {
  return {
    content,
    writes: 0,
    read() {
      return this.content
    },
    replace(next) {
      this.writes += 1
      this.content = next
    },
  }
}

const open = (disk: DataKeysDisk, key = kek(1), maxUses = 200_000): Promise<DataKeys> =>
  DataKeys.open({ disk, kek: key, nowMs: () => 5, maxUses })

test('the first start makes a data key, the next ones find it', async () => {
  const disk = memoryDisk()
  const sealed = await (await open(disk)).seal(place, plaintext, keep)
  const again = await open(disk)
  assert.deepEqual(again.open(place, sealed), plaintext)
  assert.equal(disk.writes, 2) // the key, and the first uses set aside
  assert.equal(again.isCurrent(sealed), true)
  assert.equal(again.ledgerKey(), undefined)
})

test('another key-encryption key opens nothing, and changes nothing', async () => {
  const disk = memoryDisk()
  await open(disk)
  const before = disk.content
  await assert.rejects(open(disk, kek(2)), unreadable)
  await assert.rejects(
    open(disk, { key: { ...createLocalKey(Buffer.alloc(32, 2)), id: kek(1).key.id }, reference: '' }),
    unreadable,
  )
  assert.equal(disk.content, before)
})

test('a data key is used a bounded number of times, over restarts and kills too', async () => {
  const disk = memoryDisk()
  const ids = new Map<string, number>()
  // each process is killed after three uses: what it had set aside counts as used
  for (let process = 0; process < 4; process += 1) {
    const keys = await open(disk, kek(1), 600)
    for (let use = 0; use < 3; use += 1) {
      const id = keyIdOf(await keys.seal(place, plaintext, keep)) ?? ''
      ids.set(id, (ids.get(id) ?? 0) + 1)
    }
  }
  assert.equal(ids.size, 2)
  const keys = await open(disk, kek(1), 10)
  const sealed = await Promise.all(Array.from({ length: 45 }, () => keys.seal(place, plaintext, keep)))
  const counts = new Map<string, number>()
  for (const each of sealed) counts.set(keyIdOf(each) ?? '', (counts.get(keyIdOf(each) ?? '') ?? 0) + 1)
  assert.ok([...counts.values()].every((count) => count <= 10))
  const reopened = await open(disk)
  for (const each of sealed) assert.deepEqual(reopened.open(place, each), plaintext)
})

test('where the uses cannot be set aside nothing is sealed', async () => {
  const disk = memoryDisk()
  const keys = await open(disk)
  disk.replace = () => {
    throw new Error('full')
  }
  await assert.rejects(keys.seal(place, plaintext, keep), (error: Fault) => error.code === 'STORE_UNREACHABLE')
})

test('a file that was changed is a fault, whatever was changed', async () => {
  const disk = memoryDisk()
  const keys = await open(disk)
  await keys.beginRotation(kek(2), ledgerKey)
  const text = disk.content?.toString() ?? ''
  const file = JSON.parse(text) as { keys: { id: string; purpose: string; wrapped: Record<string, string> }[] }
  const [first, second, third] = file.keys
  assert.ok(first && second && third)
  const swapped = {
    ...file,
    keys: [{ ...first, wrapped: second.wrapped }, { ...second, wrapped: first.wrapped }, third],
  }
  const renamed = { ...file, keys: [{ ...first, id: 'ffffffffffffffff' }, second, third] }
  const repurposed = { ...file, keys: [{ ...first, purpose: 'data' }, second, third] }
  const doubled = { ...file, keys: [first, second, third, third] }
  for (const changed of [swapped, renamed, repurposed, doubled].map((each) => JSON.stringify(each)))
    await assert.rejects(open(memoryDisk(Buffer.from(changed))), unreadable, changed)
  const rubbish = [
    '',
    '{',
    'null',
    '[]',
    '{"format":2,"keys":[],"references":{},"allSealed":true}',
    '{"format":1,"keys":[],"references":{},"allSealed":true}',
    text.slice(0, -9),
  ]
  for (const each of rubbish) await assert.rejects(open(memoryDisk(Buffer.from(each))), unreadable, each)
  const unwrapped = text.replaceAll(/"wrapped": \{[^}]*\}/g, '"wrapped": {}')
  for (const id of ['constructor', '__proto__', 'toString']) {
    const named: NamedKey = { key: { ...kek(1).key, id }, reference: '' }
    await assert.rejects(open(memoryDisk(Buffer.from(unwrapped)), named), unreadable, id)
  }
})

test('during a rotation either key-encryption key opens everything, afterwards only the new one does', async () => {
  const disk = memoryDisk()
  const keys = await open(disk)
  const before = await keys.seal(place, plaintext, keep)
  const { keyId } = await keys.beginRotation(kek(2, 'file:new'), ledgerKey)
  assert.equal(keys.isCurrent(before), false)
  const after = await keys.seal(place, plaintext, keep)
  assert.equal(keyIdOf(after), keyId)
  for (const half of [await open(disk), await open(disk, kek(2))])
    for (const sealed of [before, after]) assert.deepEqual(half.open(place, sealed), plaintext)
  await keys.finishRotation()
  const late = await keys.seal(place, plaintext, keep)
  await assert.rejects(open(disk), unreadable)
  const next = await open(disk, kek(2))
  for (const each of [keys, next]) {
    assert.throws(() => each.open(place, before), unreadable)
    assert.deepEqual(each.open(place, after), plaintext)
    assert.deepEqual(each.open(place, late), plaintext)
    assert.equal(each.rotation, undefined)
  }
})

test("the ledger's key stays what it was over every rotation", async () => {
  const disk = memoryDisk()
  const keys = await open(disk)
  await keys.beginRotation(undefined, ledgerKey)
  await keys.finishRotation()
  assert.equal(keys.ledgerKey(), undefined) // still the key-encryption key itself
  for (const next of [2, 3]) {
    await keys.beginRotation(kek(next), ledgerKey)
    await keys.finishRotation()
    assert.deepEqual((await open(disk, kek(next))).ledgerKey()?.bytes(), ledgerKey)
    assert.deepEqual((await readLedgerKey(disk, kek(next)))?.bytes(), ledgerKey)
  }
  await assert.rejects(readLedgerKey(disk, kek(1)), unreadable)
})

test('a rotation that was killed at any write is gone on with, and loses nothing', async () => {
  for (let killedAt = 1; killedAt <= 3; killedAt += 1) {
    for (const isWritten of [false, true]) {
      const disk = memoryDisk()
      let stored = await (await open(disk)).seal(place, plaintext, keep)
      const { writes } = disk
      const inner = disk.replace.bind(disk)
      disk.replace = (content) => {
        if (disk.writes >= writes + killedAt - 1) {
          if (isWritten) inner(content)
          throw new Error('killed')
        }
        inner(content)
      }
      const rotate = async (keys: DataKeys): Promise<void> => {
        await keys.beginRotation(kek(2), ledgerKey)
        stored = keys.isCurrent(stored) ? stored : await keys.seal(place, keys.open(place, stored), keep)
        await keys.finishRotation()
      }
      await rotate(await open(disk)).catch(() => undefined)
      disk.replace = inner
      // whichever of the two opens it now is enough
      const again = await open(disk).catch(() => open(disk, kek(2)))
      assert.deepEqual(again.open(place, stored), plaintext)
      await rotate(again)
      assert.deepEqual((await open(disk, kek(2))).open(place, stored), plaintext)
      await assert.rejects(open(disk), unreadable)
    }
  }
})

test('a rotation to one key-encryption key is not ended by one to another', async () => {
  const disk = memoryDisk()
  const keys = await open(disk)
  await keys.beginRotation(kek(2, 'file:second'), ledgerKey)
  const refused = (error: unknown): boolean => error instanceof Fault && error.code === 'CONTROL_FAILED'
  await assert.rejects(keys.beginRotation(kek(3), ledgerKey), refused)
  await assert.rejects((await open(disk)).beginRotation(undefined, ledgerKey), refused)
  await (await open(disk)).beginRotation(kek(2), ledgerKey)
})

test('what is on its way to the disk under the old key is waited for', async () => {
  const keys = await open(memoryDisk())
  const order: string[] = []
  let release = (): void => undefined
  const stored = keys.seal(place, plaintext, async () => {
    await new Promise<void>((resolve) => (release = resolve))
    order.push('stored')
  })
  const begun = keys.beginRotation(undefined, ledgerKey).then(() => order.push('begun'))
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  release()
  await Promise.all([stored, begun])
  assert.deepEqual(order, ['stored', 'begun'])
})
