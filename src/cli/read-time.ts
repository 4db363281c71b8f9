// A point in time given as a flag: RFC 3339, a date (its first moment, UTC), or a duration back from now.

import { instantMs } from '../a2a/named-ids.ts'
import { parseDuration } from '../config/config.ts'
import { CommandError } from './io.ts'

/** Milliseconds since the epoch. */
export function readTime(flag: string, text: string, nowMs: number): number {
  const backMs = parseDuration(text)
  if (backMs !== undefined) return nowMs - backMs
  const timeMs = instantMs(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text)
  if (timeMs !== undefined) return timeMs
  throw new CommandError(
    2,
    `${flag} is not a time: ${JSON.stringify(text)}`,
    'write 2026-11-14T09:00:00Z, 2026-11-14 (UTC), or how far back: 24h',
  )
}
