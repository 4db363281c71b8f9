// The folder of a log was removed, or emptied: with it went every record that somebody was promised. A start does
// not begin a fresh log in its place as if nothing had been; only a first start, or an operator's own act, does.

import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { ledgerIdentity, openLedger } from '../audit/audit.ts'
import { createFaultyDisk } from '../../test/fakes/faulty-disk.ts'
import { createManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { createLocalKey, DataKeys, onDisk } from '../secrets/secrets.ts'
import { home, open } from './fake-state.ts'
import { dataKeysPath } from './key-encryption-key.ts'

/** A data directory whose log has some records; gives the log's folder. */
async function begun(dataDir: string, role: 'gateway' | 'cli' = 'gateway'): Promise<string> {
  const state = await open(dataDir, role)
  await state.audit.administered('started', '', {})
  await state.close()
  return join(dataDir, 'ledger', state.ledger.origin.split('/')[1] ?? assert.fail())
}

const lost = (error: unknown): boolean =>
  error instanceof Fault && error.code === 'LEDGER_CORRUPT' && error.hint !== undefined

/** The signed checkpoint of no records: everybody finds it in the header of the first segment. */
function emptyCheckpoint(segment: Buffer): Buffer {
  const origin = 24 + 2 + segment.readUInt16LE(24)
  const note = origin + 2 + segment.readUInt16LE(origin)
  return segment.subarray(note + 2, note + 2 + segment.readUInt16LE(note))
}

const attacks: Record<string, (dir: string) => void> = {
  'the folder of all logs': (dir) => rmSync(join(dir, '..'), { recursive: true }),
  'the folder of the log': (dir) => rmSync(dir, { recursive: true }),
  'everything in the folder': (dir) => {
    for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true })
  },
  'the folder of segments': (dir) => rmSync(join(dir, 'segments'), { recursive: true }),
  'all segments, with the checkpoint of no records put back': (dir) => {
    const segment = join(dir, 'segments', '00000000000000000000.seg')
    writeFileSync(join(dir, 'checkpoint'), emptyCheckpoint(readFileSync(segment)))
    rmSync(segment)
  },
  'everything but an empty segment file': (dir) => {
    rmSync(dir, { recursive: true })
    mkdirSync(join(dir, 'segments'), { recursive: true })
    writeFileSync(join(dir, 'segments', '00000000000000000000.seg'), '')
  },
  'all records of the only segment, with the checkpoint of no records put back': (dir) => {
    const segment = join(dir, 'segments', '00000000000000000000.seg')
    const bytes = readFileSync(segment)
    writeFileSync(join(dir, 'checkpoint'), emptyCheckpoint(bytes))
    writeFileSync(join(dir, 'subjects.keys'), '')
    writeFileSync(segment, bytes.subarray(0, bytes.readUInt32LE(12)))
  },
}

for (const [what, attack] of Object.entries(attacks)) {
  test(`refuses to begin anew when somebody removed ${what}`, async () => {
    const dataDir = home()
    const dir = await begun(dataDir)
    cpSync(dir, `${dataDir}.backup`, { recursive: true })
    attack(dir)
    const isThere = existsSync(dir)
    await assert.rejects(open(dataDir), lost)
    await assert.rejects(open(dataDir), lost)
    assert.equal(existsSync(dir), isThere)
    // what was restored is gone on with
    rmSync(dir, { recursive: true, force: true })
    cpSync(`${dataDir}.backup`, dir, { recursive: true })
    const state = await open(dataDir)
    assert.ok(state.ledger.size > 1)
    await state.close()
  })
}

test('the log of a command is missed like the gateway’s, and each only by its own role', async () => {
  const dataDir = home()
  rmSync(await begun(dataDir, 'cli'), { recursive: true })
  await assert.rejects(open(dataDir, 'cli'), lost)
  await begun(dataDir, 'gateway')
})

test('who removes the origin by hand gets a new log under another origin and key', async () => {
  const dataDir = home()
  const dir = await begun(dataDir)
  rmSync(dir, { recursive: true })
  await assert.rejects(open(dataDir), (fault: Fault) => fault.hint?.includes('audit begin-anew') === true)
  rmSync(join(dataDir, 'keys/ledger-gateway.origin'))
  assert.notEqual(await begun(dataDir), dir)
  await begun(dataDir)
})

test('a first start that was killed anywhere is gone on with, under the same origin', async () => {
  const dataDir = home()
  const kek = Buffer.alloc(32, 7)
  const left: string[] = []
  /** the data directory as a kill at this moment would leave it */
  const keep = (): void => {
    const copy = `${dataDir}.left${left.length}`
    cpSync(dataDir, copy, { recursive: true })
    writeFileSync(`${copy}.kek`, kek.toString('base64url'), { mode: 0o600 })
    left.push(copy)
  }
  const kekOf = { key: createLocalKey(kek), reference: '' }
  const sealer = await DataKeys.open({ disk: onDisk(dataKeysPath(dataDir)), kek: kekOf, nowMs: () => 0 })
  const identity = await ledgerIdentity(dataDir, 'gateway', sealer)
  const fs = createFaultyDisk()
  fs.plan = () => {
    keep()
    return undefined
  }
  const ledger = await openLedger({
    ...identity,
    keyEncryptionKey: kek,
    clock: createManualClock(),
    segmentSize: 1_000_000,
    onFatal: (fault) => assert.fail(fault),
    fs,
  })
  keep()
  await ledger.close()
  assert.ok(left.length > 10)
  for (const copy of left) {
    const state = await open(copy)
    assert.equal(state.ledger.origin, identity.origin)
    assert.ok(state.ledger.size > 0)
    await state.close()
    assert.equal((await ledgerIdentity(copy, 'gateway', sealer)).isBegun, true)
  }
})
