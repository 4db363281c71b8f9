// The envelope of a record, version 1: the leaf of the tree, readable without any key and kept for ever. It holds
// nothing that tells who somebody is: the actor is a pseudonym, sensitive values are salted commitments, the rest
// lies encrypted in the body, of which it holds the hash. Canonical JSON (RFC 8785), at most 8 KiB.

import { canonicalString } from '../base/canonical-json.ts'

export type RecordKind =
  | 'decision'
  | 'completion'
  | 'ownership'
  | 'administration'
  | 'lifecycle'
  | 'folded'
  | 'subject-key'

export type RecordOutcome = 'allowed' | 'refused' | 'completed' | 'aborted' | 'failed' | 'done'

export interface Envelope {
  readonly v: 1
  readonly index: number
  /** RFC 3339, milliseconds, UTC */
  readonly time: string
  readonly kind: RecordKind
  readonly call: string
  /** pseudonym of the subject, '' for none */
  readonly actor: string
  readonly agent: string
  readonly operation: string
  readonly outcome: RecordOutcome
  readonly code: string
  /** digest of the configuration snapshot */
  readonly snapshot: string
  /** base64url commitments by name */
  readonly fields: Readonly<Record<string, string>>
  /** base64url SHA-256 of the body frame's payload, '' when there is none */
  readonly body: string
}

/** The text before and after the index, which is known only when the record's group is built. */
export interface EnvelopeText {
  readonly head: string
  readonly tail: string
}

// printable ASCII without quote and backslash is its own canonical form
const plain = /^[ !#-[\]-~]*$/

function quote(text: string): string {
  return plain.test(text) ? `"${text}"` : canonicalString(text)
}

/** `fieldsText` are the members of `fields`, already canonical: `"name":"commitment",…` in order. */
export function formatEnvelope(envelope: Omit<Envelope, 'v' | 'index' | 'fields'>, fieldsText: string): EnvelopeText {
  const { actor, agent, body, call, code, kind, operation, outcome, snapshot, time } = envelope
  return {
    head: `{"actor":"${actor}","agent":${quote(agent)},"body":"${body}","call":${quote(call)},"code":${quote(code)},"fields":{${fieldsText}},"index":`,
    tail: `,"kind":"${kind}","operation":${quote(operation)},"outcome":"${outcome}","snapshot":${quote(snapshot)},"time":"${time}","v":1}`,
  }
}

export function formatField(name: string, value: string): string {
  return `${quote(name)}:"${value}"`
}

/** RFC 3339 with milliseconds. Most records share their second with the one before. */
export function createTimeFormatter(): (ms: number) => string {
  let second = Number.NaN
  let prefix = ''
  return (ms) => {
    const whole = Math.floor(ms / 1_000)
    if (whole !== second) {
      prefix = new Date(whole * 1_000).toISOString().slice(0, 20)
      second = whole
    }
    return `${prefix}${String(Math.floor(ms) - whole * 1_000).padStart(3, '0')}Z`
  }
}

const kinds: readonly string[] = [
  'decision',
  'completion',
  'ownership',
  'administration',
  'lifecycle',
  'folded',
  'subject-key',
] satisfies RecordKind[]
const outcomes: readonly string[] = [
  'allowed',
  'refused',
  'completed',
  'aborted',
  'failed',
  'done',
] satisfies RecordOutcome[]
const texts = ['time', 'call', 'actor', 'agent', 'operation', 'code', 'snapshot', 'body'] as const

/** What a verifier asks of most envelopes. */
export interface EnvelopeGlance {
  readonly index: number
  readonly kind: RecordKind
  readonly body: string
  /** of records that the ledger writes about itself, whose fields are in clear */
  readonly fields?: Readonly<Record<string, string>>
}

// how nearly every envelope stands there: canonical, with nothing to unescape
const usual =
  /^\{"actor":"[\w-]*","agent":"[^"\\]*","body":"([\w-]*)","call":"[^"\\]*","code":"\w*","fields":\{(?:"[\w-]+":"[\w-]*",?)*\},"index":(0|[1-9]\d{0,14}),"kind":"([a-z-]+)","operation":"[^"\\]*","outcome":"([a-z]+)","snapshot":"[^"\\]*","time":"[\d:.TZ-]*","v":1\}$/

/** Some members of what `parseEnvelope` reads, several times faster; undefined when it is no envelope. */
export function glanceAtEnvelope(bytes: Buffer): EnvelopeGlance | undefined {
  const match = usual.exec(bytes.toString('latin1'))
  const [, body = '', index = '', kind = '', outcome = ''] = match ?? []
  const isOwn = kind === 'lifecycle' || kind === 'subject-key'
  if (isOwn || !kinds.includes(kind) || !outcomes.includes(outcome)) return parseEnvelope(bytes)
  return { index: Number(index), kind: kind as RecordKind, body } // it is one of the list
}

/** Reads an envelope; undefined when it is none of version 1. Whether it was ever logged, only the tree says. */
export function parseEnvelope(bytes: Buffer): Envelope | undefined {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    // not JSON: not an envelope
    return undefined
  }
  if (!isObject(value) || value['v'] !== 1 || !Number.isSafeInteger(value['index'])) return undefined
  if (!texts.every((name) => typeof value[name] === 'string')) return undefined
  if (!kinds.includes(String(value['kind'])) || !outcomes.includes(String(value['outcome']))) return undefined
  const { fields } = value
  if (!isObject(fields) || !Object.values(fields).every((field) => typeof field === 'string')) return undefined
  return value as unknown as Envelope // every member was looked at above
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
