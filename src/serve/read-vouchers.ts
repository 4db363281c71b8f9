// What `audit verify` was given to believe: the keys of witnesses, and a checkpoint that was kept elsewhere.

import type { VerifyOptions } from '../cli/ports.ts'
import type { WitnessRequirement } from '../audit/audit.ts'
import { systemClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { parseCosigners } from '../tlog/cosignature.ts'

/** Throws a Fault CONFIG_INVALID for what is no verifier key of a witness. */
export function readVouchers({ witnesses, requireWitnesses, since }: VerifyOptions): {
  readonly witnesses: WitnessRequirement
  readonly since?: Buffer
} {
  const cosigners = parseCosigners(witnesses)
  if (cosigners === undefined) {
    throw new Fault('CONFIG_INVALID', 'what was given for a witness is not its verifier key', {
      hint: 'take it as `sallyport witness key` prints it',
    })
  }
  const nowSeconds = Math.floor(systemClock.nowMs() / 1_000)
  return { witnesses: { cosigners, require: requireWitnesses, nowSeconds }, ...(since && { since }) }
}
