// Ways for a ledger of a test to reach witnesses: real ones on loopback, and ports that answer what a test says.

import { createPrivateKey, createHash } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { TestWitness } from '../../test/fakes/small-log.ts'
import { maxNoteBytes, parseCheckpoint } from '../tlog/checkpoint.ts'
import { createCosigningKey, parseCosigner, type CosigningKey } from '../tlog/cosignature.ts'
import type { WitnessAnswer, WitnessPort } from './ask-witness.ts'
import { nodeFiles } from './files.ts'
import type { Ledger } from './ledger.ts'

/** The nth key of a real witness, by fetch. */
export function reach(witness: Pick<TestWitness, 'url' | 'vkeys'>, nth = 1): WitnessPort {
  const cosigner = parseCosigner(witness.vkeys[nth] ?? '')
  if (cosigner === undefined) throw new Error('no such key')
  return {
    cosigner,
    async post(body) {
      const answer = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', body: new Uint8Array(body) })
      return {
        status: answer.status,
        contentType: answer.headers.get('content-type') ?? '',
        body: Buffer.from(await answer.arrayBuffer()),
      }
    },
    async newest(origin) {
      const answer = await fetch(`${witness.url}/checkpoint?origin=${encodeURIComponent(origin)}`)
      if (answer.status !== 200) throw new Error(`status ${answer.status}`)
      return Buffer.from(await answer.arrayBuffer())
    },
  }
}

export function fakeKey(name: string): CosigningKey {
  const head = Buffer.from('302e020100300506032b657004220420', 'hex')
  const der = Buffer.concat([head, createHash('sha256').update(name).digest()])
  return createCosigningKey(name, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
}

export interface FakeWitness extends WitnessPort {
  readonly asked: Buffer[]
  /** undefined: never answers */
  answer: (body: Buffer) => Partial<WitnessAnswer> | undefined
}

/** Answers what it is told to; 503 at first. */
export function fakeWitness(name: string): FakeWitness {
  const asked: Buffer[] = []
  return {
    cosigner: fakeKey(name),
    asked,
    answer: () => ({ status: 503 }),
    post(body) {
      asked.push(body)
      const answer = this.answer(body)
      if (answer === undefined) return new Promise(() => undefined)
      return Promise.resolve({ status: 200, contentType: 'text/plain', body: Buffer.alloc(0), ...answer })
    },
  }
}

/** Cosigns whatever it is sent. */
export function cosignAt(name: string, seconds: () => number): FakeWitness['answer'] {
  return (body) => {
    const checkpoint = parseCheckpoint(body.subarray(body.indexOf('\n\n') + 2))
    if (checkpoint === undefined) return { status: 400 }
    return { body: Buffer.from(fakeKey(name).cosign(checkpoint, seconds())) }
  }
}

/** Resolves when the published checkpoint covers every record. */
export async function published(dir: string, ledger: Pick<Ledger, 'size'>): Promise<void> {
  for (;;) {
    const bytes = await nodeFiles.readFile(join(dir, 'checkpoint'), maxNoteBytes)
    if (bytes !== undefined && parseCheckpoint(bytes)?.size === ledger.size) return
    await wait(2)
  }
}
