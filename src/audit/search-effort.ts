// How much work the patterns of a rule may cost for one record. RE2 is linear in the text for each match, not for all
// of them: a pattern that looks far ahead after every short match is quadratic in a text that repeats it. So searches
// that go on after a match share an allowance of time; when it is spent they end, and what is left counts as found.

import type { RE2JS } from 're2js'
import type { Clock } from '../base/clock.ts'

export interface Span {
  readonly start: number
  readonly end: number
}

const maxRepeatedMs = 20 // bound: time for repeated matches of redaction patterns in one record
/** so much is always searched: a pause of the machine alone never spends the time of ordinary texts */
const alwaysSearchedChars = 131_072

/** One for each record. */
export class SearchEffort {
  isSpent = false
  readonly #clock: Clock
  #chars = 0
  #ms = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** In order, all matches; when the time is spent one more, of all that is left. */
  *search(pattern: RE2JS, text: string): Generator<Span> {
    const matcher = pattern.matcher(text)
    let from = 0
    let found = matcher.find()
    while (found) {
      yield { start: matcher.start(), end: matcher.end() }
      from = matcher.end()
      found = this.#mayGoOn() && this.#again(() => matcher.find(), text.length - from)
    }
    if (this.isSpent && from > 0) yield { start: from, end: text.length }
  }

  #mayGoOn(): boolean {
    this.isSpent ||= this.#ms > maxRepeatedMs && this.#chars > alwaysSearchedChars
    return !this.isSpent
  }

  #again(find: () => boolean, chars: number): boolean {
    const startedMs = this.#clock.monotonicMs()
    const found = find()
    this.#ms += this.#clock.monotonicMs() - startedMs
    this.#chars += chars
    return found
  }
}
