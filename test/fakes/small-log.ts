// A log of made-up leaves in memory, to be witnessed, and a witness on loopback. The second history of a log shares
// its key and its first leaves, and goes on otherwise.

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { systemClock, type Clock } from '../../src/base/clock.ts'
import { formatAddCheckpoint } from '../../src/tlog/add-checkpoint.ts'
import { createCheckpointSigner } from '../../src/tlog/checkpoint.ts'
import { consistencyProof, leafHash, rootOf } from '../../src/tlog/merkle.ts'
import { startWitness, type Witness, type WitnessOptions } from '../../src/witness/witness.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface SmallLog {
  readonly origin: string
  readonly vkey: string
  note(size: number): string
  /** a well-formed request with a true proof */
  request(oldSize: number, size: number): Buffer
  /** another history by the same key: equal up to this size */
  fork(at: number): SmallLog
  /** the same history, signed with another key */
  withKey(key: KeyObject): SmallLog
}

export function createSmallLog(origin = 'log.example/small'): SmallLog {
  return smallLog(origin, generateKeyPairSync('ed25519').privateKey, (index) => `leaf ${index}`)
}

function smallLog(origin: string, key: KeyObject, entry: (index: number) => string): SmallLog {
  const signer = createCheckpointSigner(origin, key)
  const leaves = (size: number): Buffer[] => Array.from({ length: size }, (_, at) => leafHash(Buffer.from(entry(at))))
  const note = (size: number): string => signer.sign(size, rootOf(leaves(size)))
  return {
    origin,
    vkey: signer.vkey,
    note,
    request(oldSize, size) {
      const proof = oldSize === 0 ? [] : consistencyProof(leaves(size), oldSize)
      return formatAddCheckpoint(oldSize, proof, Buffer.from(note(size)))
    },
    fork: (at) => smallLog(origin, key, (index) => (index < at ? entry(index) : `other leaf ${index}`)),
    withKey: (other) => smallLog(origin, other, entry),
  }
}

export interface TestWitness extends Witness {
  readonly url: string
  readonly dataDir: string
  readonly warnings: string[]
}

export async function openTestWitness(changes: Partial<WitnessOptions> & { clock?: Clock }): Promise<TestWitness> {
  const warnings: string[] = []
  const dataDir = changes.dataDir ?? temporaryFolder()
  const witness = await startWitness({
    dataDir,
    name: 'witness.example/w1',
    vkeys: [],
    files: [],
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    warn: (message) => warnings.push(message),
    ...changes,
  })
  return Object.assign(witness, { url: `http://127.0.0.1:${witness.port}`, dataDir, warnings })
}

export interface Answered {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

export async function addCheckpoint(url: string, body: Buffer | string): Promise<Answered> {
  const answer = await fetch(`${url}/add-checkpoint`, { method: 'POST', body: new Uint8Array(Buffer.from(body)) })
  return { status: answer.status, contentType: answer.headers.get('content-type') ?? '', text: await answer.text() }
}
