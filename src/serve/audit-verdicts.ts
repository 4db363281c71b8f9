// Verdicts on proofs, exports and receipts for the commands that check them: keys read from what the reader typed, what
// src/audit decides turned into plain data. Nothing here touches the state of a gateway; all of it works on any machine.

import { join } from 'node:path'
import {
  describeFilter,
  keysInExport,
  keysInProof,
  nodeFiles,
  parseReceipt,
  readLogKeys,
  recordsWritten,
  verifyExport,
  verifyProof,
  verifyReceipt,
  type ReceiptEvidence,
  type TrustedKeys,
} from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { Evidence, ProofPorts, Trust, WitnessedBy } from '../cli/ports.ts'
import { readTrust } from './read-vouchers.ts'
import { readableLogs } from './readable-logs.ts'

type VerdictPorts = Pick<ProofPorts, 'verifyProof' | 'verifyExport' | 'verifyReceipt' | 'suggestKeys'>

export function createVerdictPorts(clock: Clock): VerdictPorts {
  const trustOf = (trust: Trust): TrustedKeys => readTrust(trust, clock)
  return {
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
    async verifyExport(options) {
      const file = await nodeFiles.open(options.path, 'read')
      try {
        const verdict = await verifyExport(file, { trusted: trustOf(options) })
        if (!verdict.ok) return { ok: false, reason: verdict.why }
        const { header, from, to, witnessed, provenEvents, looseEvents, unjudged, hidden, otherReadings, openEnds } =
          verdict.value
        const { tool, version, createdAt, query, population, matching } = header
        return {
          ok: true,
          origin: to.origin,
          tool: `${tool} ${version}`,
          createdAt,
          query: describeFilter(query.filter),
          typed: query.text,
          fromSize: from.size,
          toSize: to.size,
          root: to.root.toString('base64'),
          population,
          matching,
          provenEvents,
          looseEvents,
          unjudged,
          otherReadings,
          openEnds,
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
  if (evidence.kind === 'log') return await keysBeside(evidence.dir)
  if (evidence.kind === 'data-dir') {
    const logs = await readableLogs({ dataDir: evidence.dataDir, loaded: undefined }, () => undefined)
    return (await Promise.all(logs.map(({ dir }) => keysBeside(dir)))).flat()
  }
  const file = await nodeFiles.open(evidence.path, 'read')
  try {
    return await keysInExport(file)
  } finally {
    await file.close()
  }
}

/** None where there is no such file, or no key in it: it is only a hint. */
async function keysBeside(dir: string): Promise<string[]> {
  try {
    return (await readLogKeys(dir)).map(({ vkey }) => vkey)
  } catch (error) {
    if (error instanceof Fault) return []
    throw error
  }
}
