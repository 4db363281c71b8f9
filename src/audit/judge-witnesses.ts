// Weighs what witnesses answered at the start and since. A contradiction that is proven stops the log whoever shows it.
// One that is only claimed counts like a vote: it never outweighs enough witnesses that cosigned, and stops the log
// when they are missing and as many claim it. A witness with two keys, or two names, has one vote.

import { Fault } from '../base/fault.ts'
import type { WitnessPort } from './ask-witness.ts'

export interface Vote {
  readonly port: Pick<WitnessPort, 'cosigner'>
  /** 0 when it never cosigned since the start */
  readonly lastSuccessMs: number
  readonly unprovenSize: number | undefined
}

/** True when enough witnesses have cosigned this log since the start. */
export function isAnswered(votes: readonly Vote[], require: number): boolean {
  return distinct(votes.filter(({ lastSuccessMs }) => lastSuccessMs > 0)).length >= require
}

/** Why the log is in doubt although nothing is proven; undefined when it is not. */
export function doubtOf(votes: readonly Vote[], require: number): string | undefined {
  if (isAnswered(votes, require)) return undefined
  const claiming = distinct(votes.filter(({ unprovenSize }) => unprovenSize !== undefined))
  if (claiming.length < require) return undefined
  const claims = claiming.map((vote) => `${JSON.stringify(vote.port.cosigner.name)} (${vote.unprovenSize} records)`)
  return `${claiming.length} witnesses claim a longer or another log, and fewer than ${require} agree with it: ${claims.join(', ')}`
}

function distinct(votes: readonly Vote[]): Vote[] {
  const counted: Vote[] = []
  for (const vote of votes) {
    const { name, material } = vote.port.cosigner
    const isCounted = counted.some(({ port }) => port.cosigner.name === name || port.cosigner.material === material)
    if (!isCounted) counted.push(vote)
  }
  return counted
}

export function putBack(message: string): Fault {
  return new Fault('LEDGER_CORRUPT', message, {
    hint: 'an older state was put back, or a second copy of this gateway runs: restore the newest state; `sallyport audit begin-anew --although-it-opens --reason TEXT` begins a new log that does not hide the gap; docs/ledger.md says how to leave out a witness that errs',
  })
}

export function doubted(message: string): Fault {
  return new Fault('LEDGER_CORRUPT', message, {
    hint: 'none of them showed a checkpoint that this log signed, so nothing is proven: ask who runs them; if they err, or somebody on the way lies, take them out of audit.witness.witnesses and start; if they are right, restore the newest state (docs/witness.md)',
  })
}

export function unanswered(failures: readonly { name: string; trouble: string }[], require: number): Fault {
  const list = failures.map(({ name, trouble }) => `${JSON.stringify(name)}: ${trouble}`).join('; ')
  return new Fault('LEDGER_UNWRITABLE', `audit.witness.atStart asks for ${require} witnesses first; ${list}`, {
    hint: 'bring them back, give them the key.vkey of this log when they do not know it, or set audit.witness.atStart: preferred for one start',
  })
}
