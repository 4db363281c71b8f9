// Ties the logs of a data directory to the configured witnesses. The gateway holds the whole directory, so it has
// every log in it witnessed: its own while it grows, and that of the commands, which grows while no gateway runs.
// Only its own log's age may stop calls; a contradiction stops them whichever log it is about. Without a configured
// witness nothing happens here.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createWitnessing,
  readLogOrigin,
  type WitnessPort,
  type Witnessing,
  type WitnessingStatus,
} from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { isSystemError } from '../base/system-error.ts'
import type { LoadedConfig } from '../config/config.ts'
import type { Dialler } from '../forward/forward.ts'
import { maxAddCheckpointAnswerBytes } from '../tlog/add-checkpoint.ts'
import { parseCosigner } from '../tlog/cosignature.ts'

export interface MissingWitness {
  readonly log: string
  readonly witness: string
  readonly why: string
  /** it claims a longer or another log and shows nothing */
  readonly isUnproven: boolean
}

export interface GatewayWitnesses {
  /** what could not be had while starting, by log and witness: belongs into the record that says we started */
  readonly missing: readonly MissingWitness[]
  start(): void
  stop(): Promise<void>
  /** why calls must not be served now */
  overdue(): string | undefined
  /** undefined without witnesses: there is nothing to be ready for */
  readonly problem: (() => string | undefined) | undefined
  status(): readonly { readonly log: string; readonly ageMs: number; readonly status: WitnessingStatus }[]
}

export interface WitnessesOptions {
  readonly dataDir: string
  readonly loaded: LoadedConfig
  readonly ledger: { readonly origin: string; readonly size: number }
  readonly dialler: Dialler
  readonly clock: Clock
  readonly random: () => number
  readonly onConflict: (log: string, witness: string, message: string) => void
  readonly onUnproven: (log: string, witness: string, message: string) => void
}

const askMs = 5_000 // bound: time for a witness to answer

/** Asks every witness what it knows of every log. Throws the Faults of `Witnessing.confirm`. */
export async function openWitnesses(options: WitnessesOptions): Promise<GatewayWitnesses> {
  const { witness } = options.loaded.config.audit
  const ports = witness.witnesses.map((each) => portOf(each, options))
  const names = ports.length === 0 ? [] : await listLogs(options)
  const logs: { log: string; witnessing: Witnessing }[] = []
  for (const { name, origin } of names) {
    const own = origin === options.ledger.origin
    const witnessing = createWitnessing({
      dir: join(options.dataDir, 'ledger', name),
      origin,
      witnesses: ports,
      require: witness.require,
      intervalMs: witness.interval,
      maxAgeMs: own ? witness.maxAge : undefined,
      atStart: own ? witness.atStart : 'preferred',
      ...(own && { logSize: () => options.ledger.size }),
      clock: options.clock,
      random: options.random,
      onConflict: (who, message) => options.onConflict(name, who, message),
      onUnproven: (who, message) => options.onUnproven(name, who, message),
    })
    logs.push({ log: name, witnessing })
  }
  const confirmed = await Promise.all(
    logs.map(async ({ log, witnessing }) =>
      (await witnessing.confirm()).map(({ name, trouble, isUnproven }) => ({
        log,
        witness: name,
        why: trouble,
        isUnproven,
      })),
    ),
  )
  // a log that was put back shows that the whole directory was, whoever writes that log
  const overdue = (): string | undefined => {
    for (const { log, witnessing } of logs) {
      const why = witnessing.overdue()
      if (why !== undefined) return `${log}: ${why}`
    }
    return undefined
  }
  return {
    missing: confirmed.flat(),
    start() {
      for (const { witnessing } of logs) witnessing.start()
    },
    async stop() {
      await Promise.all(logs.map(({ witnessing }) => witnessing.stop()))
    },
    overdue,
    problem: logs.length === 0 ? undefined : overdue,
    status: () =>
      logs.map(({ log, witnessing: { status } }) => {
        const ageMs = status.newest === undefined ? 0 : options.clock.nowMs() - status.newest.timeMs
        return { log, ageMs: Math.max(ageMs, 0), status }
      }),
  }
}

type WitnessConfig = LoadedConfig['config']['audit']['witness']['witnesses'][number]

function portOf({ key, url, ca }: WitnessConfig, { loaded, dialler }: WitnessesOptions): WitnessPort {
  const cosigner = parseCosigner(key)
  if (cosigner === undefined) throw new Fault('CONFIG_INVALID', `not the verifier key of a witness: ${key}`)
  const tls = ca === undefined ? undefined : { ca: loaded.secrets.resolve(ca).bytes() }
  const prefix = url.replace(/\/+$/, '')
  const bounds = { maxBytes: maxAddCheckpointAnswerBytes, timeoutMs: askMs, ...(tls && { tls }) }
  return {
    cosigner,
    post: (body) => dialler.post(`${prefix}/add-checkpoint`, body, bounds),
    newest: (origin) => dialler.get(`${prefix}/checkpoint?origin=${encodeURIComponent(origin)}`, bounds),
  }
}

/** Logs that have begun; what else lies there is not ours to judge. */
async function listLogs({ dataDir }: WitnessesOptions): Promise<{ name: string; origin: string }[]> {
  const root = join(dataDir, 'ledger')
  const logs: { name: string; origin: string }[] = []
  for (const name of (await readdir(root).catch(emptyWhenAbsent)).toSorted()) {
    const origin = await readLogOrigin(join(root, name))
    if (origin !== undefined) logs.push({ name, origin })
  }
  return logs
}

function emptyWhenAbsent(error: unknown): string[] {
  if (isSystemError(error) && error.code === 'ENOENT') return []
  throw error
}
