// Takes secrets and personal data out of a text before it is recorded: what a rule names is replaced by
// `[redacted:NAME]`. Patterns are found in the text as it was, so that one replacement never hides another's match.
// Everything runs in linear time, repeated matches of patterns within an allowance: see search-effort.ts.

import { RE2JS } from 're2js'
import { findCards, findEmails } from './find-personal-data.ts'
import { createPrivateKeyFinder, createTokenFinder } from './find-secrets.ts'
import type { SearchEffort, Span } from './search-effort.ts'

export type Finder = (text: string, effort: SearchEffort) => Iterable<Span>

export interface Redaction {
  readonly name: string
  readonly find: Finder
}

export const builtinNames = ['email', 'card', 'token', 'private-key'] as const
export type BuiltinName = (typeof builtinNames)[number]

/** How far beyond its limit a text is looked at, so that what begins before the limit is recognised whole. */
const marginChars = 4_096

/** Up to `limit` characters of the text, redacted; `isCut` when there was more of it. Never half of a character. */
export function redactText(
  text: string,
  redactions: readonly Redaction[],
  limit: number,
  effort: SearchEffort,
): { readonly text: string; readonly isCut: boolean } {
  const isCut = text.length > limit
  const window = isCut ? text.slice(0, limit + marginChars) : text
  let redacted = ''
  let from = 0
  for (const { start, end, name } of mergeSpans(window, redactions, effort)) {
    if (start >= limit) break
    redacted += `${window.slice(from, start)}[redacted:${name}]`
    from = end
  }
  if (from < limit) redacted += window.slice(from, isCut ? wholeEnd(window, limit) : undefined)
  return { text: redacted.toWellFormed(), isCut }
}

/** Where to cut at the latest: not between the halves of a character outside the basic plane. */
function wholeEnd(text: string, end: number): number {
  const unit = text.charCodeAt(end - 1)
  return unit >= 0xd800 && unit <= 0xdbff ? end - 1 : end
}

interface NamedSpan extends Span {
  readonly name: string
}

/** In order, those that overlap as one that bears the first one's name. */
function mergeSpans(text: string, redactions: readonly Redaction[], effort: SearchEffort): NamedSpan[] {
  const all: NamedSpan[] = []
  for (const { name, find } of redactions) {
    for (const { start, end } of find(text, effort)) if (end > start) all.push({ start, end, name })
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
  return (text, effort) => effort.search(compiled, text)
}

export function builtinFinder(name: BuiltinName): Finder {
  if (name === 'email') return findEmails
  if (name === 'card') return findCards
  return name === 'token' ? createTokenFinder() : createPrivateKeyFinder()
}
