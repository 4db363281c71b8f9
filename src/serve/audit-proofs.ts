// Makes proofs and exports for the commands that ask for them (src/cli/proof-ports.ts): finds the log that a record is
// in, and waits a moment for a checkpoint that covers it. What is proven is decided in src/audit alone. That something
// was disclosed or exported is recorded by the commands, before they hand it over.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  exportLog,
  formatRecordProof,
  nodeFiles,
  openFields,
  parseRecordName,
  proveRecord,
  readRecordAt,
  recordsWritten,
  type RecordProof,
} from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { ExportedFile, ExportOptions, ProofDocument, ProofPorts, ProveOptions } from '../cli/ports.ts'
import { searchLedger } from './audit-search.ts'
import { createVerdictPorts } from './audit-verdicts.ts'
import { readableLogs, type ReadableLog } from './readable-logs.ts'

export interface ProofContext {
  readonly clock: Clock
  readonly pause: (milliseconds: number) => Promise<void>
}

export function createProofPorts(context: ProofContext): ProofPorts {
  return {
    async proveRecords(options) {
      const places = await findPlaces(options, context)
      const documents: ProofDocument[] = []
      for (const place of places) documents.push(documentOf(place, await proofOf(place, context), {}))
      return documents
    },
    async discloseRecord(options) {
      const [place, ...others] = await findPlaces(options, context)
      if (place === undefined || others.length > 0) {
        const names = [place, ...others].map((each) => `${each?.log.name}/${each?.index}`).join(', ')
        throw new Fault('CONTROL_FAILED', 'fields are disclosed of one record, and this names several', {
          hint: `one of ${names}`,
        })
      }
      const proof = await proofOf(place, context)
      const record = await readRecordAt(place.log.dir, place.index, place.log.secret?.keyEncryptionKey)
      if (record === undefined) throw noRecord(place)
      return documentOf(place, proof, openFields(record, options.fields))
    },
    async exportLedger(options) {
      const exported: ExportedFile[] = []
      try {
        for (const log of await readableLogs(options, options.warn)) {
          const file = await exportOne(log, options, context.clock)
          if (file !== undefined) exported.push(file)
        }
        return exported
      } catch (error) {
        for (const { path } of exported) await nodeFiles.remove(path)
        throw error
      }
    },
    ...createVerdictPorts(context.clock),
  }
}

async function exportOne(log: ReadableLog, options: ExportOptions, clock: Clock): Promise<ExportedFile | undefined> {
  const { query, queryText, withEvents, pathOf } = options
  if (log.secret === undefined && (withEvents || query.caller !== undefined)) throw needsKey(log)
  const path = pathOf(log.name)
  const summary = await exportLog(log.dir, path, {
    filter: query,
    queryText,
    withEvents,
    ...(log.secret && { keyEncryptionKey: log.secret.keyEncryptionKey }),
    createdAt: new Date(clock.nowMs()).toISOString(),
  })
  return summary && { log: log.name, path, ...summary }
}

interface Place {
  readonly log: ReadableLog
  readonly index: number
  readonly expectedLeafHash: string | undefined
}

async function findPlaces(options: ProveOptions, { clock }: ProofContext): Promise<Place[]> {
  const name = parseRecordName(options.record)
  if (name === undefined) {
    throw new Fault('CONTROL_FAILED', `this names no record: ${JSON.stringify(options.record)}`, {
      hint: 'give a receipt, LOG/INDEX, or the id of a call',
    })
  }
  const logs = await readableLogs(options, options.warn)
  if (name.kind === 'place') {
    const log = logs.find((each) => each.name === name.log && (name.origin ?? each.origin) === each.origin)
    if (log === undefined) {
      throw new Fault('CONTROL_FAILED', `there is no log ${name.origin ?? name.log} in ${options.dataDir}`, {
        hint: logs.length === 0 ? 'name the data directory: --data-dir DIR' : `one of ${namesOf(logs)}`,
      })
    }
    return [{ log, index: name.index, expectedLeafHash: name.leafHash }]
  }
  const hears = { note: () => undefined, onProgress: () => undefined, damage: options.warn }
  const search = { query: { call: name.call }, limit: maxProofs, reverse: false, clock, ...hears, ...options }
  const places: Place[] = []
  for await (const found of searchLedger(search)) {
    const log = logs.find((each) => each.name === found.log)
    if (log !== undefined) places.push({ log, index: found.record.index, expectedLeafHash: undefined })
  }
  if (places.length > 0) return places
  throw new Fault('CONTROL_FAILED', `no record is of a call ${JSON.stringify(name.call)}`, {
    hint: 'see: sallyport audit tail, sallyport audit search',
  })
}

const maxProofs = 1_000 // bound: records of one call that are proven at once

const namesOf = (logs: readonly ReadableLog[]): string => logs.map(({ name }) => name).join(', ')

/** A checkpoint is published some hundred milliseconds after a record is durable. */
const publishingMs = 1_000
const pollMs = 50

async function proofOf(place: Place, { pause }: ProofContext): Promise<RecordProof> {
  const { log, index } = place
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    const proof = await proveRecord(log.dir, index)
    if (proof !== undefined) return proof
    const isWriterAtWork = existsSync(join(log.dir, 'lock'))
    if (!isWriterAtWork || waitedMs >= publishingMs) break
    await pause(pollMs)
  }
  const written = await recordsWritten(log.dir)
  if (written === undefined || index >= written) throw noRecord(place)
  throw new Fault('CONTROL_FAILED', `record ${index} of ${log.origin} is not covered by a published checkpoint yet`, {
    hint: 'start the gateway on this data directory: it publishes what is durable',
  })
}

function noRecord({ log, index }: Place): Fault {
  return new Fault('CONTROL_FAILED', `the log ${log.origin} has no record ${index}`, {
    hint: 'see: sallyport audit tail',
  })
}

function needsKey({ name }: ReadableLog): Fault {
  return new Fault('KEY_UNREADABLE', `the events of ${name} need the key-encryption key of the ledger`, {
    hint: 'name the configuration that refers to it (--config FILE), or put it beside the data directory as DIR.kek',
  })
}

function documentOf(
  { log, expectedLeafHash }: Place,
  proof: RecordProof,
  disclosed: Parameters<typeof formatRecordProof>[1],
): ProofDocument {
  const { origin, index, leaf, envelope, size, isWitnessed } = proof
  return {
    log: log.name,
    origin,
    index,
    kind: envelope.kind,
    leafHash: leaf.toString('base64url'),
    expectedLeafHash,
    size,
    witnessed: isWitnessed,
    bytes: formatRecordProof(proof, disclosed),
  }
}
