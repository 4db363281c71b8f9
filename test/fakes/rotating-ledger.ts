// A sample ledger whose signing keys lie in a folder, as in a data directory, so that they can be rotated.

import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openKeyRing } from '../../src/audit/key-ring.ts'
import { fakeSealer } from './sealer.ts'
import type { FileSystem, Ledger, LedgerOptions } from '../../src/audit/ledger.ts'
import { createCheckpointSigner, parseCheckpoint, type CheckpointSigner } from '../../src/tlog/checkpoint.ts'
import { createSample, sampleName, sampleOrigin, sampleSigningKey, type Sample } from './sample-ledger.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface RotatingSample extends Sample {
  readonly dataDir: string
  /** the keys that lie in the folder now, by their numbers: what a thief of it would have */
  signers(): Promise<CheckpointSigner[]>
  /** names of who signed a note, in order: key hashes */
  hashesIn(path: string): number[]
  /** the same as the disk has it now: what a kill at this moment would leave */
  copy(): RotatingSample
}

export function createRotatingSample(dataDir: string = temporaryFolder()): RotatingSample {
  const sample = createSample(join(dataDir, 'ledger'))
  const keys = join(dataDir, 'keys')
  mkdirSync(keys, { recursive: true })
  const pem = join(keys, `ledger-${sampleName}.pem`)
  writeFileSync(pem, sampleSigningKey().export({ type: 'pkcs8', format: 'pem' }))
  return describe(sample, dataDir)
}

function describe(sample: Sample, dataDir: string): RotatingSample {
  return {
    ...sample,
    dataDir,
    open: async (changes: Partial<LedgerOptions> = {}): Promise<Ledger> =>
      await sample.open({ keyRing: await openKeyRing(dataDir, sampleName, fakeSealer, changes.fs), ...changes }),
    async signers() {
      const ring = await openKeyRing(dataDir, sampleName, fakeSealer)
      return ring.keys.map(({ privateKey }) => createCheckpointSigner(sampleOrigin, privateKey))
    },
    hashesIn: (path) => (parseCheckpoint(readFileSync(path))?.signatures ?? []).map(({ keyHash }) => keyHash),
    copy() {
      const folder = temporaryFolder()
      cpSync(dataDir, folder, { recursive: true })
      const copied = createSample(join(folder, 'ledger'))
      rmSync(join(copied.dir, 'lock'), { force: true })
      copied.clock.advance(sample.clock.nowMs() - copied.clock.nowMs())
      return describe(copied, folder)
    },
  }
}

/** The real disk until it has been changed so many times; from then on it is gone, as for a process that was killed. */
export function createDyingDisk(files: FileSystem, changes: number, how: 'before' | 'after'): FileSystem {
  let left = changes
  const change = async (work: () => Promise<void>): Promise<void> => {
    left -= 1
    if (left > 0 || (left === 0 && how === 'after')) await work()
    if (left <= 0) throw Object.assign(new Error('the process was killed'), { code: 'EIO' })
  }
  return {
    ...files,
    async open(path, mode) {
      const file = await files.open(path, mode)
      return {
        ...file,
        write: (bytes, position) => change(() => file.write(bytes, position)),
        truncate: (size) => change(() => file.truncate(size)),
      }
    },
    rename: (from, to) => change(() => files.rename(from, to)),
    remove: (path) => change(() => files.remove(path)),
  }
}
