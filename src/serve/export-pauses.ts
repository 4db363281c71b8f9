// How long an export waits before it tries again, and when it waits no more. A receiver that never answers must not keep
// the process from ending, many gateways must not come back at once, and what a receiver says is never repeated.

import { randomInt } from 'node:crypto'
import { isSystemError } from '../base/system-error.ts'
import { SendFailure } from './export-target.ts'

/** for what is on its way when the process is to end */
const graceMs = 1_000
const firstRetryMs = 1_000
const maxRetryMs = 60_000 // bound: pause between two attempts to send a batch of an export

/** After so many failures in a row: doubled each time, a part of it by chance, or as long as the receiver asks. */
export function retryPauseMs(streak: number, error: unknown): number {
  const most = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(streak - 1, 10))
  const own = most / 2 + randomInt(Math.floor(most / 2) + 1)
  const asked = error instanceof SendFailure ? (error.retryAfterMs ?? 0) : 0
  return Math.max(own, asked)
}

/** What is on its way when the signal comes may still arrive within a moment; after that it fails. */
export async function abandonable<Result>(
  work: Promise<Result>,
  signal: AbortSignal,
  wait: (ms: number) => Promise<void>,
): Promise<Result> {
  const over = Promise.withResolvers<never>()
  const onAbort = (): void => void wait(graceMs).then(() => over.reject(new SendFailure('stopped')))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, over.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
    // heard by nobody when it comes too late
    work.catch(() => undefined)
    over.promise.catch(() => undefined)
  }
}

/** Ends early when the signal is aborted, never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    timer.unref()
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
}

/** A code or a message of our own; never what a receiver said. */
export function reasonOf(error: unknown): string {
  if (isSystemError(error)) return error.code ?? 'failed'
  return error instanceof Error ? error.message : 'failed'
}
