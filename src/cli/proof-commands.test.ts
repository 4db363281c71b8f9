// What the commands about proofs refuse before anything is asked, and in what order they record and write.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { Fault } from '../base/fault.ts'
import { runCli } from './cli.ts'
import type { ControlMethods, ExportedFile, Ports, ProofDocument, TakenFromLedger } from './ports.ts'

const document: ProofDocument = {
  log: '5a11e001',
  origin: 'sallyport.local/5a11e001',
  index: 17,
  kind: 'decision',
  leafHash: 'leaf',
  expectedLeafHash: undefined,
  size: 20,
  witnessed: false,
  bytes: Buffer.from('proof'),
}

interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly taken: readonly TakenFromLedger[]
}

async function run(cwd: string, words: readonly string[], ports: Partial<Ports>): Promise<Run> {
  let [out, err] = ['', '']
  const taken: TakenFromLedger[] = []
  const state: Partial<Ports> = {
    openState: () =>
      Promise.resolve({
        methods: {
          'audit.taken': (what: TakenFromLedger) => {
            taken.push(what)
            return Promise.resolve({ recorded: true })
          },
        } as unknown as ControlMethods, // no other is called
        close: () => Promise.resolve(),
      }),
    suggestKeys: () => Promise.resolve([]),
  }
  const io = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    color: false,
    cwd,
    stopSignal: () => new AbortController().signal,
  }
  const code = await runCli(words, io, () => Promise.resolve({ ...state, ...ports } as Ports)) // so for ports
  return { code, out, err, taken }
}

function dataFolder(parts: readonly string[] = ['keys']): string {
  const cwd = temporaryFolder()
  for (const part of ['ledger/5a11e001/segments', ...parts]) mkdirSync(join(cwd, 'data', part), { recursive: true })
  return cwd
}

for (const [words, message] of [
  [['audit', 'prove'], /RECORD is missing/],
  [['audit', 'disclose', 'x/1'], /--field is missing/],
  [['audit', 'export'], /--out is missing/],
  [['audit', 'export', '--out', 'x', '--from', 'yesterday'], /--from is not a time/],
  [['audit', 'export', '--out', 'x', '--from', '9', '--to', '3'], /--from lies behind --to/],
  [['audit', 'export', '--out', 'x', '--from', '2026-11-15', '--to', '2026-11-14'], /--from lies behind --to/],
  [['audit', 'verify-receipt', 'r', '--signature', 'bla', '--proof', 'proof', '--key', 'k'], /is not a signature/],
  [['audit', 'verify-proof', 'nowhere'], /cannot read nowhere/],
  [['audit', 'verify-proof', 'proof'], /--key is missing/],
  [['audit', 'verify-proof', 'proof', '--key', 'file:nowhere'], /cannot read nowhere/],
  [['audit', 'verify-proof', 'proof', '--key', 'file:empty'], /there is no verifier key in empty/],
  [['audit', 'verify-proof', 'proof', '--key', 'file:data'], /cannot read data/],
  [['audit', 'verify-proof', 'proof', '--key', 'file:/dev/zero'], /cannot read .dev.zero: it is no file/],
  [['audit', 'verify-proof', 'proof', '--key', 'k', '--require-witnesses', '0'], /is not a number of witnesses/],
  [['audit', 'verify-proof', 'proof', '--key', 'k', '--require-witnesses', '1'], /needs keys of witnesses/],
  [['audit', 'verify-proof', 'proof', '--key', 'k', '--require-witnesses', 'two'], /is not a number/],
  [['audit', 'verify-export', 'nowhere'], /there is no file/],
  [['audit', 'verify-receipt', 'r'], /held against one thing/],
  [['audit', 'verify-receipt', 'r', '--proof', 'proof', '--log', '.'], /held against one thing/],
  [['audit', 'verify-receipt', 'r', '--proof', 'proof', '--key', 'k', '--checkpoint', 'proof'], /held against a log/],
] as const) {
  test(`refuses ${words.join(' ')}`, async () => {
    const cwd = dataFolder()
    writeFileSync(join(cwd, 'proof'), 'x')
    writeFileSync(join(cwd, 'empty'), '\n# nothing\n')
    const { code, err, taken } = await run(cwd, words, {})
    assert.equal(code, 2)
    assert.match(err, message)
    assert.deepEqual(taken, [])
  })
}

test('a record that is not the one of the receipt is an answer, and no file is written', async () => {
  const cwd = dataFolder()
  const proveRecords = (): Promise<readonly ProofDocument[]> =>
    Promise.resolve([{ ...document, expectedLeafHash: 'another' }])
  const { code, err } = await run(cwd, ['audit', 'prove', 'x', '--data-dir', 'data'], { proveRecords })
  assert.equal(code, 1)
  assert.match(err, /another record stands at 17/)
  assert.deepEqual(readdirSync(cwd), ['data'])
})

test('several proofs go into a folder', async () => {
  const cwd = dataFolder()
  const proveRecords = (): Promise<readonly ProofDocument[]> => Promise.resolve([document, { ...document, index: 18 }])
  const { code } = await run(cwd, ['audit', 'prove', 'c', '--data-dir', 'data', '--out', 'proofs'], { proveRecords })
  assert.equal(code, 0)
  assert.deepEqual(readdirSync(join(cwd, 'proofs')), ['5a11e001-17.tlog-proof', '5a11e001-18.tlog-proof'])
})

test('no proof is written over a file, and nothing is recorded then', async () => {
  const cwd = dataFolder()
  writeFileSync(join(cwd, 'd'), 'mine')
  const proveRecords = (): Promise<readonly ProofDocument[]> => Promise.resolve([document])
  for (const words of [['audit', 'prove', 'x', '--data-dir', 'data', '--out', 'd'], disclose]) {
    const { code, err, taken } = await run(cwd, words, { proveRecords, discloseRecord })
    assert.equal(code, 2)
    assert.match(err, /d is there already\nhint: name another file/)
    assert.deepEqual(taken, [])
  }
  assert.equal(readFileSync(join(cwd, 'd'), 'utf8'), 'mine')
  const { code, err } = await run(cwd, ['audit', 'prove', 'x', '--data-dir', 'data', '--out', 'no/d'], { proveRecords })
  assert.equal(code, 2)
  assert.match(err, /there is no folder .*\/no/)
})

const disclose = ['audit', 'disclose', 'x/17', '--field', 'caller', '--data-dir', 'data', '--out', 'd'] as const
const discloseRecord = (): Promise<ProofDocument> => Promise.resolve(document)

test('a disclosure names the record and the fields in the ledger, and no value', async () => {
  const cwd = dataFolder()
  const { code, taken } = await run(cwd, disclose, { discloseRecord })
  assert.equal(code, 0)
  assert.deepEqual(taken, [
    { action: 'audit.disclose', what: { record: 'sallyport.local/5a11e001/17', fields: ['caller'] } },
  ])
  assert.equal(readFileSync(join(cwd, 'd'), 'utf8'), 'proof')
})

test('what cannot be recorded is not disclosed', async () => {
  const cwd = dataFolder()
  const openState = (): never => {
    throw new Fault('LEDGER_FULL', 'the disk is full')
  }
  const { code } = await run(cwd, disclose, { discloseRecord, openState })
  assert.equal(code, 3)
  assert.equal(existsSync(join(cwd, 'd')), false)
})

test('a copy of a ledger has nothing to record with: it is said', async () => {
  const cwd = dataFolder([])
  const { code, err, taken } = await run(cwd, disclose, { discloseRecord })
  assert.equal(code, 0)
  assert.match(err, /warning: this is not recorded: .* is a copy/)
  assert.deepEqual(taken, [])
})

const exported = (log: string, path: string): ExportedFile => {
  writeFileSync(path, log)
  const counts = { fromSize: 0, toSize: 9, population: 9, matching: 3, unreadable: 0, sha256: 'f00' }
  return { log, origin: `sallyport.local/${log}`, path, ...counts }
}
const exportLogs =
  (...logs: readonly string[]): Ports['exportLedger'] =>
  ({ pathOf }) =>
    Promise.resolve(logs.map((log) => exported(log, pathOf(log))))
const exporting = [
  'audit',
  'export',
  '--from',
  '3',
  '--agent',
  'a b',
  '--out',
  'e.jsonl',
  '--data-dir',
  'data',
] as const

test('an export of one log has the name that was given, of several the name of each', async () => {
  const cwd = dataFolder()
  const { code, taken } = await run(cwd, exporting, { exportLedger: exportLogs('11111111') })
  assert.equal(code, 0)
  assert.deepEqual(readdirSync(cwd), ['data', 'e.jsonl'])
  assert.equal(taken[0]?.what['query'], '--from 3 --agent "a b"')
  const two = dataFolder()
  await run(two, exporting, { exportLedger: exportLogs('11111111', '22222222') })
  assert.deepEqual(readdirSync(two), ['data', 'e-11111111.jsonl', 'e-22222222.jsonl'])
})

test('an export that cannot be recorded, or would replace a file, leaves nothing', async () => {
  const exportLedger = exportLogs('11111111')
  const openState = (): never => {
    throw new Fault('LEDGER_FULL', 'the disk is full')
  }
  const cwd = dataFolder()
  assert.equal((await run(cwd, exporting, { exportLedger, openState })).code, 3)
  assert.deepEqual(readdirSync(cwd), ['data'])
  writeFileSync(join(cwd, 'e.jsonl'), 'mine')
  const again = await run(cwd, exporting, { exportLedger })
  assert.equal(again.code, 2)
  assert.deepEqual(again.taken, [])
  assert.deepEqual(readdirSync(cwd), ['data', 'e.jsonl'])
  assert.equal(readFileSync(join(cwd, 'e.jsonl'), 'utf8'), 'mine')
})
