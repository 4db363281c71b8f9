// Evaluates expressions in a thread of their own, with a bound on time, memory and waiting.
// An expression that takes too long ends its thread, not the agent: the next one gets a fresh thread.
// It never evaluates anything in the agent's own thread.

import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Calculation, Failed, Reply } from './evaluate-worker.ts'

export type { Calculation, Failed } from './evaluate-worker.ts'

export interface Evaluator {
  evaluate(expression: string): Promise<Calculation | Failed>
  close(): Promise<void>
}

interface Job {
  readonly expression: string
  readonly settle: (outcome: Calculation | Failed) => void
}

const maxWaiting = 200
const failed = (problem: string): Failed => ({ kind: 'failed', problem })

/** Starts the thread at once, so that the first caller does not wait for the library to load. */
export function createEvaluator(options: { timeoutMs: number }): Evaluator {
  const waiting: Job[] = []
  let worker: Worker | undefined
  let ready = false
  let current: Job | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const start = (): void => {
    const started = new Worker(new URL(`./evaluate-worker${extname(import.meta.url)}`, import.meta.url), {
      env: {},
      stdout: true,
      resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16, stackSizeMb: 2 },
    })
    ready = false
    worker = started
    started.unref()
    started.on('message', (message: 'ready' | Reply) => {
      if (started !== worker) return
      if (message === 'ready') ready = true
      else finish(message.outcome)
      if (message !== 'ready' && message.spent) retire(started)
      next()
    })
    started.on('error', () => abandon(started, 'the expression needs too much memory'))
    started.on('exit', () => abandon(started, 'the expression could not be evaluated'))
  }

  const finish = (outcome: Calculation | Failed): void => {
    clearTimeout(timer)
    const job = current
    current = undefined
    job?.settle(outcome)
  }

  /** A fresh thread is started only when there is work for it, so a broken one cannot spin. */
  const retire = (gone: Worker): void => {
    worker = undefined
    void gone.terminate()
  }

  const abandon = (gone: Worker, problem: string): void => {
    if (gone !== worker) return
    retire(gone)
    if (!ready && current === undefined) waiting.shift()?.settle(failed(problem))
    finish(failed(problem))
    next()
  }

  const next = (): void => {
    if (closed || current !== undefined || waiting.length === 0) return
    if (worker === undefined) start()
    if (!ready || worker === undefined) return
    const running = worker
    current = waiting.shift()
    timer = setTimeout(() => abandon(running, 'the expression takes too long'), options.timeoutMs)
    running.postMessage(current?.expression, [])
  }

  start()
  return {
    evaluate: (expression) =>
      new Promise((resolve) => {
        if (closed) return resolve(failed('the calculator is closing'))
        if (waiting.length >= maxWaiting) return resolve(failed('the calculator is busy'))
        waiting.push({ expression, settle: resolve })
        next()
      }),
    close: async () => {
      closed = true
      for (const job of waiting.splice(0)) job.settle(failed('the calculator is closing'))
      const last = worker
      worker = undefined
      finish(failed('the calculator is closing'))
      await last?.terminate()
    },
  }
}
