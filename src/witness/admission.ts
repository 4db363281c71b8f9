// Who may take up the witness's time. What fails is charged to the network it came from; a log is known by the
// networks from which it moved on, and asks from there on a share of its own that nobody elsewhere can use up. Work
// for everybody else together is bounded by the second. A checkpoint that was cosigned is public and can be sent
// again by anybody: to repeat one makes nobody known.

import type { Clock } from '../base/clock.ts'

export type Outcome =
  /** not read, of no log that is watched, or not signed by it */
  | 'failed'
  /** signed by the log, and nothing new */
  | 'repeated'
  /** the log moved on */
  | 'advanced'

export interface Admission {
  /** Before anything is read: whether this network may ask for a cosignature at all. */
  mayAsk(network: string): boolean
  /** Before a signature is verified. True is to be followed by `settle`. */
  mayVerify(network: string, origin: string): boolean
  settle(network: string, origin: string, outcome: Outcome): void
  /** Counts one request that needs no verification; false when this network has had too many. */
  take(network: string): boolean
  /** The same, about a log, from where the log is known to be. */
  takeAsLog(network: string, origin: string): boolean
}

const maxNetworks = 10_000 // bound: networks that a witness counts apart
const maxNetworksOfLog = 4 // bound: networks from which a witness knows a log
const strangersPerSecond = 200 // bound: signatures that a witness verifies in a second for networks it knows no log from
const falsePerSecond = 500 // bound: false signatures in a second that name one log, from where it is known

export function createAdmission(clock: Clock, perMinute: number): Admission {
  const byNetwork = createCounts(clock, 60_000)
  const byLog = createCounts(clock, 60_000)
  const byFalseSignature = createCounts(clock, 1_000)
  const strangers = createCounts(clock, 1_000)
  const networksOf = new Map<string, readonly string[]>()
  let known = new Set<string>()

  const isKnown = (network: string, origin: string): boolean => networksOf.get(origin)?.includes(network) === true
  const share = (network: string, origin: string): string => `${network} ${origin}`
  // those beyond the networks that are counted share one count, and are let on to the bounds that all share
  const counted = (network: string): string => (byNetwork.has(network) || byNetwork.size < maxNetworks ? network : '')
  const isExhausted = (network: string): boolean => byNetwork.of(network) >= perMinute
  const remember = (network: string, origin: string): void => {
    const networks = networksOf.get(origin) ?? []
    if (networks.at(-1) === network) return
    networksOf.set(origin, [...networks.filter((each) => each !== network), network].slice(-maxNetworksOfLog))
    known = new Set([...networksOf.values()].flat())
  }
  return {
    mayAsk: (network) => !isExhausted(network) || known.has(network),
    mayVerify(network, origin) {
      if (isKnown(network, origin))
        return byLog.of(share(network, origin)) < perMinute && byFalseSignature.of(origin) < falsePerSecond
      if (isExhausted(network) || strangers.of('') >= strangersPerSecond) return false
      strangers.add('', 1)
      return true
    },
    settle(network, origin, outcome) {
      const asLog = isKnown(network, origin)
      if (outcome === 'failed' && asLog) byFalseSignature.add(origin, 1)
      if (outcome !== 'failed' && asLog) byLog.add(share(network, origin), 1)
      else if (outcome !== 'advanced') byNetwork.add(counted(network), 1)
      if (outcome !== 'advanced') return
      if (!asLog) strangers.add('', -1)
      remember(network, origin)
    },
    take(network) {
      const key = counted(network)
      byNetwork.add(key, 1)
      return byNetwork.of(key) <= perMinute
    },
    takeAsLog(network, origin) {
      if (!isKnown(network, origin)) return false
      byLog.add(share(network, origin), 1)
      return byLog.of(share(network, origin)) <= perMinute
    },
  }
}

interface Counts {
  of(key: string): number
  has(key: string): boolean
  add(key: string, count: number): void
  readonly size: number
}

/** Counts that begin again after each period. */
function createCounts(clock: Clock, periodMs: number): Counts {
  const counts = new Map<string, number>()
  let sinceMs = clock.monotonicMs()
  const current = (): Map<string, number> => {
    if (clock.monotonicMs() - sinceMs >= periodMs) {
      counts.clear()
      sinceMs = clock.monotonicMs()
    }
    return counts
  }
  return {
    of: (key) => current().get(key) ?? 0,
    has: (key) => current().has(key),
    add: (key, count) => void current().set(key, (current().get(key) ?? 0) + count),
    get size() {
      return current().size
    },
  }
}
