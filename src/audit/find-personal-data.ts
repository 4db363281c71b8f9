// Finds addresses of e-mail and numbers of payment cards in a text. By hand, in linear time: a text full of beginnings
// costs no more than another. Nothing is looked up, and no match is proof that there is such an address or card.

import type { Span } from './search-effort.ts'

const localPart = /[\p{L}\p{N}.!#$%&'*+/=?^_`{|}~-]/u
const domainPart = /[\p{L}\p{N}.-]/u
const maxLocal = 64
const maxDomain = 255

/** Around each `@`, or `%40` as URLs write it: as much as an address may have on either side. */
export function* findEmails(text: string): Generator<Span> {
  let before = 0
  for (const { 0: sign, index: at } of text.matchAll(/@|%40/g)) {
    let start = at
    while (start > before && at - start < maxLocal && localPart.test(text[start - 1] ?? '')) start -= 1
    const domain = at + sign.length
    let end = domain
    while (end < text.length && end - domain < maxDomain && domainPart.test(text[end] ?? '')) end += 1
    while (/[.-]/.test(text[end - 1] ?? '')) end -= 1
    if (start === at || !text.slice(domain, end).includes('.')) continue
    yield { start, end }
    before = end
  }
}

/** Groups of digits with up to three separators between: blanks, dots and hyphens of several kinds. */
const digitRuns = /\d+(?:[ \t.\-\u00a0\u2007\u2009\u202f\u2010-\u2015\u2212]{1,3}\d+)*/g
const minCardDigits = 13
const maxCardDigits = 19

/** Runs of 13 to 19 digits, in groups or not, that pass the check of Luhn (ISO/IEC 7812). */
export function* findCards(text: string): Generator<Span> {
  if (text.length < minCardDigits) return
  for (const run of text.matchAll(digitRuns)) {
    if (run[0].length >= minCardDigits) yield* findCardsInRun(run[0], run.index)
  }
}

function* findCardsInRun(run: string, offset: number): Generator<Span> {
  const { at, sums, starts } = addUp(run)
  for (let group = 0; group < starts.length - 1;) {
    const first = starts[group] ?? 0
    let last = group
    let found = group
    // nineteen digits are at most nineteen groups
    while (last < starts.length - 1 && (starts[last + 1] ?? 0) - first <= maxCardDigits) {
      last += 1
      const end = starts[last] ?? 0
      if (end - first >= minCardDigits && passesLuhn(sums, first, end)) found = last
    }
    if (found > group) yield { start: offset + (at[first] ?? 0), end: offset + (at[(starts[found] ?? 0) - 1] ?? 0) + 1 }
    group = Math.max(found, group + 1)
  }
}

interface AddedUp {
  /** where in the run each digit stands */
  readonly at: readonly number[]
  /** of the digits before each one: with those at even places doubled, and with those at odd ones */
  readonly sums: readonly [readonly number[], readonly number[]]
  /** the digit that each group begins with, and how many there are */
  readonly starts: readonly number[]
}

/** Once for all beginnings, so that each check is one subtraction. */
function addUp(run: string): AddedUp {
  const at: number[] = []
  const even = [0]
  const odd = [0]
  const starts: number[] = []
  for (let place = 0; place < run.length; place += 1) {
    const digit = run.charCodeAt(place) - 48
    if (digit < 0 || digit > 9) continue
    const count = at.length
    if (count === 0 || at[count - 1] !== place - 1) starts.push(count)
    const doubled = digit > 4 ? 2 * digit - 9 : 2 * digit
    even.push((even[count] ?? 0) + (count % 2 === 0 ? doubled : digit))
    odd.push((odd[count] ?? 0) + (count % 2 === 0 ? digit : doubled))
    at.push(place)
  }
  return { at, sums: [even, odd], starts: [...starts, at.length] }
}

/** The last digit counts as it is, the one before it doubled, and so on. Nothing but zeros is no number. */
function passesLuhn([even, odd]: AddedUp['sums'], first: number, end: number): boolean {
  const sums = end % 2 === 0 ? even : odd
  const sum = (sums[end] ?? 0) - (sums[first] ?? 0)
  return sum > 0 && sum % 10 === 0
}

/** Of a number that JavaScript rounded the last digits are unknown, and with them whether it is a card's. */
export function mayBeRoundedCard(value: number): boolean {
  return !Number.isSafeInteger(value) && Math.abs(value) > Number.MAX_SAFE_INTEGER && Math.abs(value) < 1e19
}
