// Checks the time for which messages are remembered: a zero is no short memory but none, and what rests on it is off
// without a word.

import type { Finding } from './problem.ts'
import type { Config } from './schema.ts'

export function checkMemory({ agents }: Config): Finding[] {
  return agents.flatMap(({ duplicates }, index): Finding[] => {
    const { window, sameBody, differentBody } = duplicates
    if (window > 0 || (sameBody === 'forward' && differentBody === 'forward')) return []
    const message = 'nothing would be remembered, so a message that is sent twice would have two effects'
    const hint = 'give a time such as 1h, or sameBody: forward and differentBody: forward'
    return [{ path: ['agents', index, 'duplicates', 'window'], message, hint }]
  })
}
