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
    if (run[0].length < minCardDigits) continue
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
    if (digits.length + next.length > maxCardDigits) break
    digits += next
    if (digits.length >= minCardDigits && passesLuhn(digits)) found = last
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

/** Of a number that JavaScript rounded the last digits are unknown, and with them whether it is a card's. */
export function mayBeRoundedCard(value: number): boolean {
  return !Number.isSafeInteger(value) && Math.abs(value) > Number.MAX_SAFE_INTEGER && Math.abs(value) < 1e19
}
