// The load generator: a process of its own that carries out one order after another and answers with figures. Every
// answer of a proxy is checked; the first wrong one ends the order and fails the bench. Closed loops show what a proxy
// can carry; open loops show what a call waits, counted from when it was due, so that a stall is not left out.

import { Worker } from 'node:worker_threads'
import { openConnection } from './connection.ts'
import type { Connection } from './connection.ts'
import type { CallFigures, LoadAnswer, LoadOrder, StreamFigures, Target, Work } from './orders.ts'
import { readCoreBusyMs, readCpuMs } from './procfs.ts'
import { callTemplate, findProblem, readTaskId } from './requests.ts'

type Closed = Extract<LoadOrder, { kind: 'closed' }>
type Open = Extract<LoadOrder, { kind: 'open' }>

const ownedTasks = 256
const thoroughEvery = 32
const opening = 32
let calls = 0
const tasksOf = new Map<string, readonly string[]>()
interface OpenStream {
  /** since it was last asked, and one for the task that it began with */
  events: number
  /** that the agent made for it */
  taskId: string
  /** of the event that came last */
  turn: number
}
const streams = new Map<Connection, OpenStream>()
let lostStreams = 0
let misplacedEvents = 0

process.on('disconnect', () => process.exit(0))
process.on('message', (order: LoadOrder) => {
  obey(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) =>
      process.send?.({
        kind: 'wrong',
        problem: error instanceof Error ? error.message : String(error),
      } satisfies LoadAnswer),
  )
})

async function obey(order: LoadOrder): Promise<LoadAnswer> {
  switch (order.kind) {
    case 'closed':
      return { kind: 'calls', figures: await runClosed(order) }
    case 'open':
      return { kind: 'calls', figures: await runOpen(order) }
    case 'streams':
      return { kind: 'streams', figures: await openStreams(order.target, order.count) }
    case 'await-events':
      return { kind: 'streams', figures: await awaitEvents(order.ms) }
    default:
      for (const stream of streams.keys()) stream.close()
      streams.clear()
      lostStreams = 0
      misplacedEvents = 0
      return { kind: 'streams', figures: countStreams() }
  }
}

interface Caller {
  /** calls once; `done` hears how the answer's body reads */
  readonly call: (done: (body: string) => void) => void
  readonly close: () => void
}

/** A connection that makes one call at a time, each with its own number, and checks the answer. */
async function openCaller(
  target: Target,
  work: Work,
  tasks: readonly string[],
  fail: (error: Error) => void,
): Promise<Caller> {
  const templates = work === 'read' ? tasks.map((id) => callTemplate(target, work, id)) : [callTemplate(target, work)]
  let asked = { kind: work, number: '', taskId: '' }
  let done: (body: string) => void = () => undefined
  let turn = 0
  const connection = await new Promise<Connection>((resolve, reject) => {
    const opened = openConnection(target.port, {
      ready: () => resolve(opened),
      event: () => fail(new Error(`${target.name}: a stream was not asked for`)),
      lost: (reason) => {
        const error = new Error(`${target.name}: ${reason}`)
        reject(error)
        fail(error)
      },
      answer: (answer) => {
        const problem = findProblem(answer, asked, turn % thoroughEvery === 1)
        if (problem === undefined) done(answer.body)
        else fail(new Error(`${target.name}: ${problem}`))
      },
    })
  })
  const call = (heard: (body: string) => void): void => {
    const at = turn++ % templates.length
    const template = templates[at]!
    asked = { kind: work, number: template.number(calls++), taskId: tasks[at] ?? '' }
    done = heard
    connection.send(template.bytes)
  }
  return { call, close: () => connection.close() }
}

async function openCallers(target: Target, work: Work, count: number, fail: (error: Error) => void): Promise<Caller[]> {
  const tasks = work === 'read' ? await createTasks(target) : []
  // Each connection reads other tasks, in another order.
  const share = (index: number): string[] =>
    tasks.filter((_, task) => task % Math.min(count, 16) === index % Math.min(count, 16))
  return Promise.all(Array.from({ length: count }, (_, index) => openCaller(target, work, share(index), fail)))
}

/** Tasks that this caller owns behind this target, made once. */
async function createTasks(target: Target): Promise<readonly string[]> {
  const known = tasksOf.get(target.name)
  if (known) return known
  const made: string[] = []
  await new Promise<void>((resolve, reject) => {
    openCallers(target, 'send-task', 16, reject).then((callers) => {
      const next = (caller: Caller): void =>
        caller.call((body) => {
          made.push(readTaskId(body))
          if (made.length < ownedTasks) return next(caller)
          caller.close()
          if (made.length === ownedTasks + callers.length - 1) resolve()
        })
      callers.forEach(next)
    }, reject)
  })
  tasksOf.set(target.name, made)
  return made
}

async function runClosed(order: Closed): Promise<CallFigures> {
  const failed = Promise.withResolvers<never>()
  const callers = await openCallers(order.target, order.work, order.connections, failed.reject)
  const latencies: number[] = []
  let isMeasuring = false
  let isOver = false
  const loop = (caller: Caller): void => {
    const sentMs = performance.now()
    caller.call(() => {
      if (isMeasuring) latencies.push(performance.now() - sentMs)
      if (!isOver) loop(caller)
    })
  }
  callers.forEach(loop)
  await Promise.race([pause(order.warmMs), failed.promise])
  const before = readCore(order.pid)
  const startedMs = performance.now()
  isMeasuring = true
  await Promise.race([pause(order.ms), failed.promise])
  isMeasuring = false
  const seconds = (performance.now() - startedMs) / 1000
  const after = readCore(order.pid)
  isOver = true
  await pause(20)
  for (const caller of callers) caller.close()
  return { ...figuresOf(latencies, seconds), ...differenceOf(before, after) }
}

interface CoreTimes {
  readonly ownMs: number | undefined
  readonly allMs: number | undefined
}

function readCore(pid: number): CoreTimes {
  return { ownMs: readCpuMs(pid), allMs: readCoreBusyMs(0) }
}

function differenceOf(before: CoreTimes, after: CoreTimes): Pick<CallFigures, 'cpuMs' | 'othersMs'> {
  if (before.ownMs === undefined || after.ownMs === undefined) return { cpuMs: undefined, othersMs: undefined }
  const cpuMs = after.ownMs - before.ownMs
  if (before.allMs === undefined || after.allMs === undefined) return { cpuMs, othersMs: undefined }
  return { cpuMs, othersMs: Math.max(0, after.allMs - before.allMs - cpuMs) }
}

async function runOpen(order: Open): Promise<CallFigures> {
  const failed = Promise.withResolvers<never>()
  const finished = Promise.withResolvers<void>()
  const free = await openCallers(order.target, order.work, opening, failed.reject)
  const all = [...free]
  const periodMs = 1000 / order.rate
  const warmTicks = Math.round(order.warmMs / periodMs)
  const ticks = warmTicks + Math.round(order.ms / periodMs)
  const startMs = nowMs() + 200
  const latencies: number[] = []
  const waiting: number[] = []
  let answered = 0
  const leave = (caller: Caller, tick: number): void =>
    caller.call(() => {
      if (tick >= warmTicks) latencies.push(nowMs() - (startMs + tick * periodMs))
      if (++answered === ticks) finished.resolve()
      const next = waiting.shift()
      if (next === undefined) free.push(caller)
      else leave(caller, next)
    })
  const ticker = new Worker(new URL('./ticker.ts', import.meta.url), { workerData: { startMs, periodMs, ticks } })
  ticker.on('error', failed.reject)
  ticker.on('message', (tick: number) => {
    const caller = free.pop()
    if (caller === undefined) waiting.push(tick)
    else leave(caller, tick)
  })
  await Promise.race([
    finished.promise,
    failed.promise,
    pause(order.warmMs + order.ms + 10_000).then(() =>
      Promise.reject(new Error(`${order.target.name}: calls at ${order.rate}/s were not all answered`)),
    ),
  ])
  for (const caller of all) caller.close()
  await ticker.terminate()
  return { ...figuresOf(latencies, order.ms / 1000), cpuMs: undefined, othersMs: undefined }
}

async function openStreams(target: Target, count: number): Promise<StreamFigures> {
  const failed = Promise.withResolvers<never>()
  const openNext = async (): Promise<void> => {
    while (streams.size + pending < count) {
      pending++
      await Promise.race([openStream(target, failed.reject), failed.promise])
      pending--
    }
  }
  let pending = 0
  await Promise.all(Array.from({ length: opening }, openNext))
  return countStreams()
}

function openStream(target: Target, fail: (error: Error) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const state: OpenStream = { events: 0, taskId: '', turn: 0 }
    const connection = openConnection(target.port, {
      ready: () => {
        const template = callTemplate(target, 'stream')
        template.number(calls++)
        connection.send(template.bytes)
      },
      answer: ({ status, body }) =>
        reject(new Error(`${target.name}: a stream was answered ${status} ${body.slice(0, 400)}`)),
      event: (line) => {
        if (!isNext(state, line)) misplacedEvents++
        if (++state.events > 1) return
        streams.set(connection, state)
        resolve()
      },
      lost: (reason) => {
        if (streams.delete(connection)) lostStreams++
        else fail(new Error(`${target.name}: a stream was not opened: ${reason}`))
      },
    })
  })
}

/** Whether this is the event that the agent sent next on this stream: its task first, then its updates by number. */
function isNext(state: OpenStream, line: string): boolean {
  if (state.taskId === '') {
    state.taskId = /"task":\{"id":"([^"]+)"/.exec(line)?.[1] ?? ''
    return state.taskId !== ''
  }
  const turn = Number(/"turn":(\d+)/.exec(line)?.[1])
  const isOwn = /"taskId":"([^"]+)"/.exec(line)?.[1] === state.taskId && turn === state.turn + 1
  state.turn = turn
  return isOwn
}

async function awaitEvents(ms: number): Promise<StreamFigures> {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs && countStreams().reached < streams.size) await pause(50)
  const figures = countStreams()
  for (const stream of streams.values()) stream.events = 1
  return figures
}

function countStreams(): StreamFigures {
  let reached = 0
  for (const stream of streams.values()) if (stream.events > 1) reached++
  return { open: streams.size, lost: lostStreams, reached, misplaced: misplacedEvents }
}

function figuresOf(latencies: number[], seconds: number): Omit<CallFigures, 'cpuMs' | 'othersMs'> {
  latencies.sort((a, b) => a - b)
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN
  return { calls: latencies.length, seconds, p50Ms: at(0.5), p99Ms: at(0.99) }
}

/** The same clock in every thread. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
