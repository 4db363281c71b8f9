// A duration or a port given as a flag, refused with the flag's name when it is not one.

import { parseDuration } from '../config/config.ts'
import { CommandError } from './io.ts'

export function readDuration(flag: string, text: string): number {
  const durationMs = parseDuration(text)
  if (durationMs === undefined)
    throw new CommandError(2, `${flag} is not a duration: ${JSON.stringify(text)}`, 'write 30d, 12h, 15m or 90s')
  return durationMs
}
