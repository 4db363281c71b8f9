// What the commands about stored secrets share: how names look, and how they tell where a secret is used.

import { CommandError } from './io.ts'
import type { Io } from './io.ts'
import type { SecretChange } from './ports.ts'

/** As references name them. Throws CommandError 2 for any other; the name is not repeated, it may be the secret. */
export function checkSecretName(name: string): void {
  if (/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/.test(name)) return
  throw new CommandError(
    2,
    'this cannot name a secret',
    'use lower-case letters, digits, dots, hyphens and underscores, at most 63; the value comes from standard input',
  )
}

export function tellUse(io: Io, { usedAt, needRestart }: SecretChange): void {
  if (usedAt.length > 0) io.out(`used at ${usedAt.join(', ')}\n`)
  if (needRestart.length > 0) io.out(`after a restart at ${needRestart.join(', ')}\n`)
}
