// Takes secrets and personal data out of a text before it is recorded: what a rule names is replaced by
// `[redacted:NAME]`. Patterns are found in the text as it was, so that one replacement never hides another's match.
// Everything runs in linear time: patterns by RE2, addresses and card numbers by hand.

import { RE2JS } from 're2js'

export interface Span {
  readonly start: number
  readonly end: number
}
export type Finder = (text: string) => Iterable<Span>

export interface Redaction {
  readonly name: string
  readonly find: Finder
}

export const builtinNames = ['email', 'card', 'token', 'private-key'] as const
export type BuiltinName = (typeof builtinNames)[number]

/** How far beyond its limit a text is looked at, so that what begins before the limit is recognised whole. */
const marginChars = 4_096

/** Up to `limit` characters of the text, redacted; `isCut` when there was more of it. */
export function redactText(
  text: string,
  redactions: readonly Redaction[],
  limit: number,
): { readonly text: string; readonly isCut: boolean } {
  const isCut = text.length > limit
  const window = isCut ? text.slice(0, limit + marginChars) : text
  let redacted = ''
  let from = 0
  for (const { start, end, name } of mergeSpans(window, redactions)) {
    if (start >= limit) break
    redacted += `${window.slice(from, start)}[redacted:${name}]`
    from = end
  }
  return { text: from >= limit ? redacted : redacted + window.slice(from, isCut ? limit : undefined), isCut }
}

interface NamedSpan extends Span {
  readonly name: string
}

/** In order, those that overlap as one that bears the first one's name. */
function mergeSpans(text: string, redactions: readonly Redaction[]): NamedSpan[] {
  const all: NamedSpan[] = []
  for (const { name, find } of redactions) {
    for (const { start, end } of find(text)) if (end > start) all.push({ start, end, name })
  }
  const merged: NamedSpan[] = []
  for (const span of all.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1)
    if (last === undefined || span.start >= last.end) merged.push(span)
    else if (span.end > last.end) merged[merged.length - 1] = { ...last, end: span.end }
  }
  return merged
}

const maxProgramSize = 5_000 // bound: size of a compiled redaction pattern

/** The finder of a pattern in RE2 syntax, or what is wrong with it. */
export function compilePattern(pattern: string): Finder | string {
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(pattern)
  } catch (error) {
    return error instanceof Error ? error.message.replace('error parsing regexp: ', '') : 'not valid'
  }
  if (compiled.matcher('').find()) return 'it matches the empty text'
  const size = compiled.programSize()
  if (size > maxProgramSize) return `too complex (${size} steps, at most ${maxProgramSize})`
  return (text) => findAll(compiled, text)
}

function* findAll(pattern: RE2JS, text: string): Generator<Span> {
  const matcher = pattern.matcher(text)
  while (matcher.find()) yield { start: matcher.start(), end: matcher.end() }
}

/** Prefixes by which issuers make their keys recognisable, our own among them. */
const issued = [
  'sp_[a-z]+_[0-9A-Za-z]{12}_[0-9A-Za-z]{43,49}',
  'AKIA[0-9A-Z]{16}',
  'ASIA[0-9A-Z]{16}',
  'AIza[0-9A-Za-z_-]{35}',
  'ya29\\.[0-9A-Za-z_-]{20,}',
  'gh[oprsu]_[0-9A-Za-z]{20,}',
  'github_pat_[0-9A-Za-z_]{20,}',
  'glpat-[0-9A-Za-z_-]{20,}',
  'xox[abeoprs]-[0-9A-Za-z-]{10,}',
  '[prs]k_(?:live|test)_[0-9A-Za-z]{16,}',
  'sk-[0-9A-Za-z_-]{20,}',
  'hf_[0-9A-Za-z]{30,}',
  'npm_[0-9A-Za-z]{36}',
  'pypi-[0-9A-Za-z_-]{50,}',
  'SG\\.[0-9A-Za-z_-]{16,}\\.[0-9A-Za-z_-]{16,}',
]
const tokenPattern = [
  '(?i:bearer)\\s+[0-9A-Za-z._~+/=-]{8,}',
  'eyJ[0-9A-Za-z_-]{5,}\\.[0-9A-Za-z_-]{5,}\\.[0-9A-Za-z_-]*',
  ...issued,
  `(?i:key|secret|token|passw(?:or)?d|pwd)[^0-9A-Za-z]{1,16}[0-9A-Za-z+/_-]{16,}={0,2}`,
].join('|')
const privateKeyPattern =
  '-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,60}-----|\\z)'

/** A name of a member that says what its value is; the value is long and looks like one. */
export const secretName: RegExp = /key|secret|token|passw(?:or)?d|pwd/i
export const secretValue: RegExp = /^[0-9A-Za-z+/_-]{16,}={0,2}$/

export function builtinFinder(name: BuiltinName): Finder {
  if (name === 'email') return findEmails
  if (name === 'card') return findCards
  const compiled = RE2JS.compile(name === 'token' ? tokenPattern : privateKeyPattern)
  return (text) => findAll(compiled, text)
}

const localPart = /[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]/u
const domainPart = /[\p{L}\p{N}.-]/u
const maxLocal = 64
const maxDomain = 255

/** Around each `@`: as much as an address may have on either side, so that a text full of them costs no more. */
function* findEmails(text: string): Generator<Span> {
  let before = 0
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    let start = at
    while (start > before && at - start < maxLocal && localPart.test(text[start - 1] ?? '')) start -= 1
    let end = at + 1
    while (end < text.length && end - at <= maxDomain && domainPart.test(text[end] ?? '')) end += 1
    while (/[.-]/.test(text[end - 1] ?? '')) end -= 1
    if (start === at || !text.slice(at + 1, end).includes('.')) continue
    yield { start, end }
    before = end
  }
}

const digitRuns = /\d+(?:[ -]\d+)*/g

/** Runs of 13 to 19 digits, in groups or not, that pass the check of Luhn (ISO/IEC 7812). */
function* findCards(text: string): Generator<Span> {
  for (const run of text.matchAll(digitRuns)) {
    const groups = [...run[0].matchAll(/\d+/g)].map((group) => ({ digits: group[0], start: run.index + group.index }))
    for (let first = 0; first < groups.length; first += 1) {
      const last = findCardEnd(groups, first)
      const [begin, end] = [groups[first], last === undefined ? undefined : groups[last]]
      if (begin === undefined || end === undefined || last === undefined) continue
      yield { start: begin.start, end: end.start + end.digits.length }
      first = last
    }
  }
}

/** The last group of a card number that begins with this one. Nineteen digits are at most nineteen groups. */
function findCardEnd(groups: readonly { readonly digits: string }[], first: number): number | undefined {
  let digits = ''
  let found: number | undefined
  for (let last = first; last < groups.length; last += 1) {
    const next = groups[last]?.digits ?? ''
    if (digits.length + next.length > 19) break
    digits += next
    if (digits.length >= 13 && passesLuhn(digits)) found = last
  }
  return found
}

function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let at = 0; at < digits.length; at += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - at) - 48
    const doubled = at % 2 === 0 ? digit : 2 * digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0 && /[1-9]/.test(digits)
}
