// A ledger of made-up calls whose every byte is decided by its code: fixed keys, a counted "random" source, a
// clock moved by hand. For tests and for the golden ledger. The keys are public: nothing real may use them.

import { createHash, createPrivateKey, type KeyObject } from 'node:crypto'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openLedger, type Ledger, type LedgerOptions, type NewRecord } from '../../src/audit/ledger.ts'
import type { RandomSource } from '../../src/base/bytes.ts'
import { createManualClock, type ManualClock } from '../../src/base/clock.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const sampleOrigin = 'sallyport.local/5a11e001'
export const sampleName = '5a11e001'
export const sampleKeyEncryptionKey: Buffer = createHash('sha256').update('sample key-encryption key').digest()
/** 14 November 2026, 09:00:00 UTC */
export const sampleStartMs = 1_794_646_800_000

export function sampleSigningKey(seed: string = 'sample signing key'): KeyObject {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex')
  const der = Buffer.concat([head, createHash('sha256').update(seed).digest()])
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

/** Bytes that look random and are the same at every run. */
export function countedRandom(seed: string): RandomSource {
  let count = 0
  return (target) => {
    for (let at = 0; at < target.length; at += 32) {
      count += 1
      createHash('sha256').update(`${seed} ${count}`).digest().copy(target, at)
    }
  }
}

export interface Sample {
  readonly root: string
  readonly dir: string
  readonly clock: ManualClock
  /** opens the log; what is given replaces the usual options */
  open(changes?: Partial<LedgerOptions>): Promise<Ledger>
  readonly faults: unknown[]
}

export function createSample(root: string = temporaryFolder()): Sample {
  const dir = join(root, sampleName)
  const clock = createManualClock(sampleStartMs)
  const faults: unknown[] = []
  return {
    root,
    dir,
    clock,
    faults,
    open: (changes = {}) =>
      openLedger({
        dir,
        origin: sampleOrigin,
        signingKey: sampleSigningKey(),
        keyEncryptionKey: sampleKeyEncryptionKey,
        clock,
        segmentSize: 16_384,
        onFatal: (fault) => faults.push(fault),
        // no checkpoint between opening and closing: what a crash just then leaves
        checkpointIntervalMs: 1_000_000,
        ...changes,
      }),
  }
}

/** The same log somewhere else, as the disk has it now: what a kill at this moment would leave. */
export function copySample(sample: Sample): Sample {
  const copy = createSample()
  cpSync(sample.dir, copy.dir, { recursive: true })
  rmSync(join(copy.dir, 'lock'), { force: true })
  return copy
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

const subjects = ['user:corp/4f1c', 'key:ci', 'agent:concierge', 'anonymous']

export function sampleRecord(number: number, changes: Partial<NewRecord> = {}): NewRecord {
  const subject = subjects[number % subjects.length] ?? ''
  const isDecision = number % 3 !== 2
  return {
    kind: isDecision ? 'decision' : 'completion',
    call: `call${String(number).padStart(22, '0')}`,
    timeMs: sampleStartMs + number * 1_234,
    snapshot: 'sha256:3f1a',
    subject,
    agent: number % 2 === 0 ? 'calculator' : 'concierge',
    operation: 'SendMessage',
    outcome: isDecision ? (number % 5 === 0 ? 'refused' : 'allowed') : 'completed',
    code: number % 5 === 0 && isDecision ? 'AUTHZ_DENIED' : '',
    sensitive: isDecision
      ? { caller: subject, origin: subject, source: `192.0.2.${number % 200}`, task: `secret-task-${number}` }
      : {},
    event: { caller: subject, task: `secret-task-${number}`, rules: ['analyst#0'], number },
    ...changes,
  }
}
