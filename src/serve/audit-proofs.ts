// Implements what the commands about proofs and exports ask for (src/cli/proof-ports.ts): finds the log that a record
// is in, waits a moment for a checkpoint that covers it, and turns verdicts into plain data. What is proven is decided
// in src/audit alone. That something was disclosed or exported is recorded by the commands, before they write it.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  exportLog,
  formatRecordProof,
  keysInExport,
  keysInProof,
  nodeFiles,
  openFields,
  parseReceipt,
  parseRecordName,
  proveRecord,
  readCosigners,
  readLogKeys,
  readRecordAt,
  readVerifiers,
  recordsWritten,
  verifyExport,
  verifyProof,
  verifyReceipt,
  type ReceiptEvidence,
  type RecordProof,
  type TrustedKeys,
} from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type {
  Evidence,
  ExportedFile,
  ExportOptions,
  ProofDocument,
  ProofPorts,
  ProveOptions,
  Trust,
  WitnessedBy,
} from '../cli/ports.ts'
import { searchLedger } from './audit-search.ts'
import { readableLogs, type ReadableLog } from './readable-logs.ts'

export interface ProofContext {
  readonly clock: Clock
  readonly pause: (milliseconds: number) => Promise<void>
}

export function createProofPorts(context: ProofContext): ProofPorts {
  const trustOf = (trust: Trust): TrustedKeys => readTrust(trust, context.clock)
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
    verifyProof(options) {
      const verdict = verifyProof(options.bytes, trustOf(options), options.entry)
      if (!verdict.ok) return { ok: false, reason: verdict.why }
      const { index, leaf, envelope, checkpoint, disclosed } = verdict.value
      const { v: _, index: __, fields, body: ___, ...record } = envelope
      return {
        ok: true,
        origin: checkpoint.origin,
        index,
        leafHash: leaf.toString('base64url'),
        size: checkpoint.size,
        root: checkpoint.root.toString('base64'),
        witnesses: checkpoint.witnesses.map(witnessedBy),
        record,
        disclosed,
        secret: envelope.body === '' ? [] : Object.keys(fields).filter((name) => !Object.hasOwn(disclosed, name)),
      }
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
    async verifyExport(options) {
      const file = await nodeFiles.open(options.path, 'read')
      try {
        const verdict = await verifyExport(file, { trusted: trustOf(options) })
        if (!verdict.ok) return { ok: false, reason: verdict.why }
        const { header, from, to, witnessed, provenEvents, looseEvents, unjudged, hidden } = verdict.value
        const { tool, version, createdAt, query, population, matching } = header
        return {
          ok: true,
          origin: to.origin,
          tool: `${tool} ${version}`,
          createdAt,
          query: query.text,
          fromSize: from.size,
          toSize: to.size,
          root: to.root.toString('base64'),
          population,
          matching,
          provenEvents,
          looseEvents,
          unjudged,
          hidden,
          witnesses: (witnessed?.witnesses ?? []).map(witnessedBy),
          witnessedSize: (witnessed?.witnesses.length ?? 0) > 0 ? witnessed?.size : undefined,
        }
      } finally {
        await file.close()
      }
    },
    async verifyReceipt({ receipt: text, signature, evidence, kept, ...trust }) {
      const receipt = parseReceipt(text)
      if (receipt === undefined) {
        throw new Fault('CONTROL_FAILED', `not a receipt: ${JSON.stringify(text)}`, {
          hint: 'write it as the header Sallyport-Record has it: ORIGIN/INDEX/LEAF',
        })
      }
      const opened = await openEvidence(evidence, receipt.origin)
      try {
        const asked = { receipt, signature, evidence: opened, kept, trusted: trustOf(trust) }
        const { finding, message, size, isSigned } = await verifyReceipt(asked)
        return { finding, message, size, signed: isSigned }
      } finally {
        if (opened.kind === 'export') await opened.file.close()
      }
    },
    suggestKeys,
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

function readTrust({ keys, witnesses, requireWitnesses }: Trust, clock: Clock): TrustedKeys {
  const [log, cosigners] = [readVerifiers(keys), readCosigners(witnesses)]
  for (const read of [log, cosigners]) {
    if ('notAKey' in read) {
      throw new Fault('CONFIG_INVALID', `not a verifier key: ${JSON.stringify(read.notAKey.slice(0, 100))}`, {
        hint: 'write NAME+HASH+KEY, as in key.vkey of the log, or file:PATH',
      })
    }
  }
  return {
    log: 'keys' in log ? log.keys : [],
    witnesses: 'keys' in cosigners ? cosigners.keys : [],
    requireWitnesses,
    nowSeconds: Math.floor(clock.nowMs() / 1_000),
  }
}

function witnessedBy({
  cosigner,
  timeSeconds,
}: {
  readonly cosigner: { readonly name: string }
  readonly timeSeconds: number
}): WitnessedBy {
  // a time that no date can hold is shown as the last one
  return { name: cosigner.name, time: new Date(Math.min(timeSeconds * 1_000, 8.64e15)).toISOString() }
}

async function openEvidence(evidence: Evidence, origin: string): Promise<ReceiptEvidence> {
  if (evidence.kind === 'proof') return evidence
  if (evidence.kind === 'export') return { kind: 'export', file: await nodeFiles.open(evidence.path, 'read') }
  const name = origin.slice(origin.lastIndexOf('/') + 1)
  const dir = evidence.kind === 'log' ? evidence.dir : join(evidence.dataDir, 'ledger', name)
  return { kind: 'log', dir, recordsWritten: await recordsWritten(dir) }
}

async function suggestKeys(evidence: Evidence): Promise<readonly string[]> {
  if (evidence.kind === 'proof') return keysInProof(evidence.bytes)
  if (evidence.kind === 'log') return (await readLogKeys(evidence.dir)).map(({ vkey }) => vkey)
  if (evidence.kind === 'data-dir') {
    const logs = await readableLogs({ dataDir: evidence.dataDir, loaded: undefined }, () => undefined)
    return (await Promise.all(logs.map(({ dir }) => readLogKeys(dir)))).flat().map(({ vkey }) => vkey)
  }
  const file = await nodeFiles.open(evidence.path, 'read')
  try {
    return await keysInExport(file)
  } finally {
    await file.close()
  }
}
