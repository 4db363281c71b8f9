// What the commands about proofs and exports need, as interfaces (see ports.ts). Types only; what comes back is plain
// data, already judged: no command decides whether something is proven.

import type { StateContext } from './ports.ts'

export interface ProofPorts {
  /** Proofs of all records that a name stands for; at least one. Writes nothing. */
  proveRecords(options: ProveOptions): Promise<readonly ProofDocument[]>
  /** A proof of one record with chosen fields opened. Writes nothing, and does not record that it was made. */
  discloseRecord(options: DiscloseOptions): Promise<ProofDocument>
  verifyProof(options: VerifyProofOptions): ProofVerdict
  /** Writes one file per log that has records in the range, under the names that it is given. */
  exportLedger(options: ExportOptions): Promise<readonly ExportedFile[]>
  verifyExport(options: VerifyExportOptions): Promise<ExportVerdict>
  verifyReceipt(options: VerifyReceiptOptions): Promise<ReceiptVerdict>
  /** The keys that evidence names itself: to be shown to somebody who has none. */
  suggestKeys(evidence: Evidence): Promise<readonly string[]>
}

interface Reading extends StateContext {
  readonly warn: (message: string, hint: string) => void
}

export interface ProveOptions extends Reading {
  /** a receipt, `LOG/17`, `LOG#17`, or the id of a call */
  readonly record: string
}
export interface DiscloseOptions extends ProveOptions {
  readonly fields: readonly string[]
}

export interface ProofDocument {
  /** the folder of the log */
  readonly log: string
  readonly origin: string
  readonly index: number
  readonly kind: string
  /** base64url */
  readonly leafHash: string
  /** the one in the receipt that was given */
  readonly expectedLeafHash: string | undefined
  /** of the tree that it is proven to be in */
  readonly size: number
  readonly witnessed: boolean
  /** the file */
  readonly bytes: Buffer
}

/** What the reader trusts: verifier keys as lines. */
export interface Trust {
  readonly keys: readonly string[]
  readonly witnesses: readonly string[]
  readonly requireWitnesses: number
}

export interface VerifyProofOptions extends Trust {
  readonly bytes: Buffer
  /** the record's envelope from elsewhere */
  readonly entry: Buffer | undefined
}

export interface WitnessedBy {
  readonly name: string
  /** RFC 3339 */
  readonly time: string
}

export type ProofVerdict =
  | { readonly ok: false; readonly reason: string }
  | {
      readonly ok: true
      readonly origin: string
      readonly index: number
      readonly leafHash: string
      readonly size: number
      readonly root: string
      readonly witnesses: readonly WitnessedBy[]
      readonly record: RecordWords
      readonly disclosed: Readonly<Record<string, string>>
      /** names of fields that the record commits to and that stay secret */
      readonly secret: readonly string[]
    }

/** An envelope, as people read it. */
export interface RecordWords {
  readonly time: string
  readonly kind: string
  readonly call: string
  /** a pseudonym */
  readonly actor: string
  readonly agent: string
  readonly operation: string
  readonly outcome: string
  readonly code: string
  readonly snapshot: string
}

/** All that is given must fit; the beginning is inclusive, the end exclusive. */
export interface ExportQuery {
  readonly fromIndex?: number
  readonly toIndex?: number
  readonly fromMs?: number
  readonly toMs?: number
  readonly caller?: string
  readonly agent?: string
  readonly operation?: string
  readonly outcome?: string
  readonly code?: string
  readonly kind?: string
}
export interface ExportOptions extends Reading {
  readonly query: ExportQuery
  /** as it was typed */
  readonly queryText: string
  readonly withEvents: boolean
  /** where the file of a log is to be written; must not be there yet */
  readonly pathOf: (log: string) => string
}
export interface ExportedFile {
  readonly log: string
  readonly origin: string
  readonly path: string
  /** records from `fromSize` to `toSize` */
  readonly fromSize: number
  readonly toSize: number
  readonly population: number
  readonly matching: number
  /** matching ones whose event could not be read */
  readonly unreadable: number
  readonly sha256: string
}

export interface VerifyExportOptions extends Trust {
  readonly path: string
}
export type ExportVerdict =
  | { readonly ok: false; readonly reason: string }
  | {
      readonly ok: true
      readonly origin: string
      readonly tool: string
      readonly createdAt: string
      /** what was judged */
      readonly query: string
      /** what the file says was typed: nothing ties it to the rest */
      readonly typed: string
      readonly fromSize: number
      readonly toSize: number
      readonly root: string
      readonly population: number
      readonly matching: number
      readonly provenEvents: number
      readonly looseEvents: number
      /** shown ones of which nothing says whether their caller fits */
      readonly unjudged: number
      /** events whose OCSF reading another version made */
      readonly otherReadings: number
      /** ends of the range beyond which the query could still ask for records */
      readonly openEnds: readonly ('before' | 'after')[]
      /** given by hash alone */
      readonly hidden: number
      readonly witnesses: readonly WitnessedBy[]
      /** how many records the cosigned tree has; undefined without cosignatures */
      readonly witnessedSize: number | undefined
    }

export type Evidence =
  | { readonly kind: 'proof'; readonly bytes: Buffer }
  | { readonly kind: 'export'; readonly path: string }
  /** the folder of one log */
  | { readonly kind: 'log'; readonly dir: string }
  /** a data directory: the log is the one that the receipt names */
  | { readonly kind: 'data-dir'; readonly dataDir: string }

export interface VerifyReceiptOptions extends Trust {
  readonly receipt: string
  readonly signature: string | undefined
  readonly evidence: Evidence
  /** a checkpoint of the log that was kept */
  readonly kept: Buffer | undefined
}
export interface ReceiptVerdict {
  /** `included`, or what is wrong: replaced, missing, not-covered, rewritten, false-signature, no-evidence */
  readonly finding: string
  readonly message: string
  /** how many records the evidence covers */
  readonly size: number | undefined
  /** undefined when the receipt bears no signature */
  readonly signed: boolean | undefined
}
