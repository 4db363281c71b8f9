// The life of a serving process: start, say so, wait for SIGINT or SIGTERM, drain, end. A ledger that can promise
// nothing more ends the process at once with exit code 3.

import { pino } from 'pino'
import { systemClock } from '../base/clock.ts'
import type { Fault } from '../base/fault.ts'
import type { Gateway, Log } from './gateway.ts'

export interface RunOptions {
  readonly start: (log: Log, onFatal: (fault: Fault) => void) => Promise<Gateway>
  readonly ready: (gateway: Gateway) => Promise<void>
  readonly err: (text: string) => void
  /** only warnings and worse */
  readonly quiet: boolean
}

export async function runUntilStopped(options: RunOptions): Promise<number> {
  const log = pino(
    { level: options.quiet ? 'warn' : 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: options.err },
  )
  const stop = waitForSignal()
  const fatal = Promise.withResolvers<'fatal'>()
  const gateway = await options.start(log, (fault) => {
    log.error({ err: fault, code: fault.code }, 'the ledger failed; this process ends now')
    // nothing more can be promised: those who wait get their refusal in this turn, then it is over
    setTimeout(() => process.exit(3), 50)
    fatal.resolve('fatal')
  })
  await options.ready(gateway)
  const why = await Promise.race([stop, fatal.promise])
  if (why === 'fatal') return 3
  const { drain } = gateway.snapshot().config.gateway.bounds
  const patience = `open calls have up to ${drain / 1000} s to end; a later Ctrl-C ends at once`
  if (options.quiet) options.err(`stopping: ${patience}\n`)
  else log.info({ signal: why }, `stopping: ${patience}`)
  await gateway.stop()
  return 0
}

/** npm and a terminal may each pass the same signal on: only a later one means "do not wait". */
const sameSignalMs = 1_000

function waitForSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let askedMs: number | undefined
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        const nowMs = systemClock.monotonicMs()
        if (askedMs !== undefined && nowMs - askedMs > sameSignalMs) process.exit(signal === 'SIGINT' ? 130 : 143)
        askedMs ??= nowMs
        resolve(signal)
      })
    }
  })
}
