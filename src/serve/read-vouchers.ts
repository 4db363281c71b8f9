// Whom a command was told to believe, as what the verifiers of src/audit take: keys of logs and of witnesses, and a
// checkpoint that was kept elsewhere. A line that is no key ends the command: nothing is believed by half.

import { readCosigners, readVerifiers, type TrustedKeys, type WitnessRequirement } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { Trust, VerifyOptions } from '../cli/ports.ts'

/** Throws a Fault CONFIG_INVALID for what is no verifier key. */
export function readTrust({ keys, witnesses, requireWitnesses }: Trust, clock: Clock): TrustedKeys {
  const [log, cosigners] = [readVerifiers(keys), readCosigners(witnesses)]
  if ('notAKey' in log) throw notAKey(log.notAKey, 'write NAME+HASH+KEY, as in key.vkey of the log, or file:PATH')
  if ('notAKey' in cosigners) throw notAKey(cosigners.notAKey, 'take it as `sallyport witness key` prints it')
  const nowSeconds = Math.floor(clock.nowMs() / 1_000)
  return { log: log.keys, witnesses: cosigners.keys, requireWitnesses, nowSeconds }
}

function notAKey(line: string, hint: string): Fault {
  return new Fault('CONFIG_INVALID', `not a verifier key: ${JSON.stringify(line.slice(0, 100))}`, { hint })
}

export interface Vouchers {
  /** absent when none was given: then those that lie with the log are taken */
  readonly trustedKeys?: readonly string[]
  /** logs whose keys were given: one that is gone is not to be missed in silence */
  readonly keptOrigins?: readonly string[]
  readonly witnesses: WitnessRequirement
  readonly since?: Buffer
}

/** The same for a whole ledger. */
export function readVouchers(options: VerifyOptions, clock: Clock): Vouchers {
  const { log, witnesses: cosigners, requireWitnesses, nowSeconds } = readTrust(options, clock)
  const { since } = options
  return {
    ...(log.length > 0 && { trustedKeys: log.map(({ vkey }) => vkey), keptOrigins: log.map(({ name }) => name) }),
    witnesses: { cosigners, require: requireWitnesses, nowSeconds },
    ...(since && { since }),
  }
}
