// The file of `audit export`: JSON lines, the first a header with the two checkpoints, then one line for every record
// between them (its envelope, or only its leaf hash), then a line that ends it. Reading takes hostile lines, bounded
// in length and nesting, and answers undefined. docs/proofs.md describes it for those who write a verifier.

import { decodeBase64, decodeBase64Url } from '../base/bytes.ts'
import { decodeUtf8, isJsonObject, parseStrictJson, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import { hashBytes } from '../tlog/merkle.ts'
import type { OpenedField } from './proof-extra.ts'
import { queryNames, type ExportFilter } from './export-filter.ts'

export const exportFormat = 'sallyport-export/v1'
export const maxExportLineBytes = 33_554_432 // bound: a line of an exported file
export const maxExportHeaderBytes = 1_048_576 // bound: the first line of an exported file
const bounds = { maxDepth: 64, maxNodes: 1_000_000 }

export interface ExportHeader {
  readonly format: typeof exportFormat
  /** name and version of what wrote it */
  readonly tool: string
  readonly version: string
  readonly createdAt: string
  readonly query: {
    /** as it was typed */
    readonly text: string
    readonly filter: ExportFilter
  }
  readonly origin: string
  /** of the log itself: a convenience, to be trusted only by who has them from elsewhere */
  readonly vkeys: readonly string[]
  readonly from: {
    /** the signed note of the tree before the first record */
    readonly checkpoint: string
    /** the hashes of its perfect subtrees, largest first, base64 of all of them */
    readonly edge: string
  }
  /** the signed note of the tree behind the last record */
  readonly to: { readonly checkpoint: string }
  /** the newest note with cosignatures, and the proof between it and `to`, whichever is smaller first */
  readonly witnessed?: { readonly checkpoint: string; readonly consistency: readonly string[] }
  /** from `from` to `to`, base64, as in RFC 6962 §2.1.2 */
  readonly consistency: readonly string[]
  /** how many records lie between the two */
  readonly population: number
  readonly matching: number
  readonly withEvents: boolean
}

/** A record that matches: its envelope, and what its body holds where that was asked for. */
export interface ExportedRecord {
  readonly entry: string
  readonly event?: ExportedEvent
}

export interface ExportedEvent {
  /** the JSON text that the record's `event` commits to */
  readonly text: string
  /** salts and values of all committed fields but `event`, whose value is the text */
  readonly fields: Readonly<Record<string, OpenedField>>
  /** base64url; undefined in records from before events were committed to */
  readonly salt?: string
  /** the same as an OCSF event: a reading, not evidence */
  readonly ocsf?: JsonObject
}

export type ExportLine =
  | { readonly kind: 'record'; readonly record: ExportedRecord }
  | { readonly kind: 'leaf'; readonly leaf: Buffer }
  | { readonly kind: 'end'; readonly lines: number; readonly sha256: string }

export function formatLeaf(leafHash: string): string {
  return `{"leaf":"${leafHash}"}\n`
}

export function formatRecordLine(record: ExportedRecord): string {
  return `${JSON.stringify(record)}\n`
}

export function formatEnd(lines: number, sha256: string): string {
  return `{"end":{"lines":${lines},"sha256":"${sha256}"}}\n`
}

export function parseLine(bytes: Buffer): ExportLine | undefined {
  const value = parseObject(bytes)
  if (value === undefined) return undefined
  const names = Object.keys(value).join(' ')
  if (names === 'leaf') return readLeaf(value['leaf'])
  if (names === 'end') return readEnd(value['end'])
  const { entry, event } = value
  if (typeof entry !== 'string' || (names !== 'entry' && names !== 'entry event')) return undefined
  if (event === undefined) return { kind: 'record', record: { entry } }
  const exported = readEvent(event)
  return exported && { kind: 'record', record: { entry, event: exported } }
}

function readLeaf(value: JsonValue | undefined): ExportLine | undefined {
  const leaf = typeof value === 'string' ? decodeBase64Url(value) : undefined
  return leaf?.length === hashBytes ? { kind: 'leaf', leaf } : undefined
}

function readEnd(value: JsonValue | undefined): ExportLine | undefined {
  if (!isJsonObject(value)) return undefined
  const { lines, sha256 } = value
  return isCount(lines) && typeof sha256 === 'string' ? { kind: 'end', lines, sha256 } : undefined
}

function readEvent(value: JsonValue): ExportedEvent | undefined {
  if (!isJsonObject(value)) return undefined
  const { text, fields, salt, ocsf, ...others } = value
  if (typeof text !== 'string' || Object.keys(others).length > 0 || !isJsonObject(fields)) return undefined
  if ((salt !== undefined && typeof salt !== 'string') || (ocsf !== undefined && !isJsonObject(ocsf))) return undefined
  const opened: [string, OpenedField][] = []
  for (const [name, field] of Object.entries(fields)) {
    if (!isJsonObject(field) || typeof field['salt'] !== 'string' || typeof field['value'] !== 'string')
      return undefined
    opened.push([name, { salt: field['salt'], value: field['value'] }])
  }
  return {
    text,
    fields: Object.fromEntries(opened),
    ...(salt !== undefined && { salt }),
    ...(ocsf !== undefined && { ocsf }),
  }
}

export function parseHeader(bytes: Buffer): ExportHeader | undefined {
  const value = parseObject(bytes)
  if (value === undefined || value['format'] !== exportFormat) return undefined
  const { query, from, to, witnessed, vkeys, consistency } = value
  const isTexts = ['tool', 'version', 'createdAt', 'origin'].every((name) => typeof value[name] === 'string')
  const isCounts = isCount(value['population']) && isCount(value['matching'])
  if (!isTexts || !isCounts || typeof value['withEvents'] !== 'boolean') return undefined
  if (!areTexts(vkeys) || !areTexts(consistency)) return undefined
  if (!isJsonObject(query) || typeof query['text'] !== 'string' || !isFilter(query['filter'])) return undefined
  if (!isJsonObject(from) || typeof from['checkpoint'] !== 'string' || typeof from['edge'] !== 'string')
    return undefined
  if (!isJsonObject(to) || typeof to['checkpoint'] !== 'string') return undefined
  if (witnessed !== undefined && !isWitnessed(witnessed)) return undefined
  return value as unknown as ExportHeader // every member was looked at above
}

function isWitnessed(value: JsonValue): boolean {
  return isJsonObject(value) && typeof value['checkpoint'] === 'string' && areTexts(value['consistency'])
}

function isFilter(value: JsonValue | undefined): boolean {
  if (!isJsonObject(value)) return false
  const isNumber = (name: string): boolean => value[name] === undefined || isCount(value[name])
  const isText = (name: string): boolean => value[name] === undefined || typeof value[name] === 'string'
  const [numbers, texts] = [['fromIndex', 'toIndex', 'fromMs', 'toMs'], queryNames]
  const isKnown = Object.keys(value).every((name) => numbers.includes(name) || texts.some((text) => text === name))
  return isKnown && numbers.every(isNumber) && texts.every(isText)
}

/** Hashes of a proof; undefined when one is none. */
export function parseHashes(texts: readonly string[]): Buffer[] | undefined {
  const hashes = texts.map(decodeBase64)
  return hashes.every((hash) => hash?.length === hashBytes) ? hashes.filter((hash) => hash !== undefined) : undefined
}

function parseObject(bytes: Buffer): JsonObject | undefined {
  const text = decodeUtf8(bytes)
  const parsed = text === undefined ? undefined : parseStrictJson(text, bounds)
  return parsed?.ok === true && isJsonObject(parsed.value) ? parsed.value : undefined
}

function areTexts(value: JsonValue | undefined): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
