// Whom an erasure or a hold is about, as records name callers. A name that no record can have would be held, or called
// erased, without any effect: it is refused.

import { CommandError } from './io.ts'

const pattern = /^(?:(?:key|user|agent|serviceaccount):|spiffe:\/\/)[^\s*]+$|^anonymous$/

export function readSubject(text: string): string {
  if (pattern.test(text)) return text
  throw new CommandError(
    2,
    `--subject is not a principal: ${JSON.stringify(text)}`,
    'write it as records have it: user:corp/4f1c, key:ci, agent:planner',
  )
}
