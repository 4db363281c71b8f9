// A range of time given as --from and --to.

import { systemClock } from '../base/clock.ts'
import type { Input, OptionSpec } from './command.ts'
import { CommandError } from './io.ts'
import { readTime } from './read-time.ts'

export const rangeOptions: Readonly<Record<'from' | 'to', OptionSpec>> = {
  from: { value: 'TIME', about: 'calls from this time on: RFC 3339, a date (UTC), or how far back: 24h' },
  to: { value: 'TIME', about: 'calls before this time' },
}

/** Undefined where the range has no end on that side. */
export function readRange(input: Input): { fromMs: number | undefined; toMs: number | undefined } {
  const nowMs = systemClock.nowMs()
  const read = (name: 'from' | 'to'): number | undefined => {
    const text = input.option(name)
    return text === undefined ? undefined : readTime(`--${name}`, text, nowMs)
  }
  const [fromMs, toMs] = [read('from'), read('to')]
  if (fromMs !== undefined && toMs !== undefined && fromMs > toMs)
    throw new CommandError(2, '--from is later than --to', 'change them round')
  return { fromMs, toMs }
}
