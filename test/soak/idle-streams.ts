// `npm run test:streams` (a minute) and `npm run soak:streams` (ten): thousands of idle streams through the real process,
// each with one event after a long silence. It fails when an event does not arrive, comes out of order, belongs to
// another stream, or a stream is lost; never because something took long. Memory per stream is measured and printed.
// Where the machine allows fewer descriptors it opens as many streams as it can, and says so.
//
//   node test/soak/idle-streams.ts [--streams N] [--seconds N] [--rounds N] [--json] [--dir DIR]
//
// `--seconds` is the time from the first stream to the last event at the least; `--rounds` how often each stream has an
// event, at the end of an equal share of that time.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { clampStreams, pause } from '../bench/measure.ts'
import { endAllWithUs, readMostDescriptors } from '../bench/processes.ts'
import { readResidentKiB } from '../bench/procfs.ts'
import { startProxy } from '../bench/proxies.ts'
import { startBackend, startLoad } from '../bench/workers.ts'

interface Figures {
  readonly streams: number
  readonly wanted: number
  readonly rounds: number
  readonly seconds: number
  readonly openedPerSecond: number
  /** over the idle process, after all streams were open and again before the last event; null where /proc is not */
  readonly residentKiBPerStream: { readonly open: number | null; readonly atTheEnd: number | null }
  readonly lost: number
  /** events that did not arrive */
  readonly missing: number
  /** events out of order or of another stream */
  readonly misplaced: number
}

const { values: options } = parseArgs({
  options: {
    streams: { type: 'string', default: '9000' },
    seconds: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    dir: { type: 'string', default: tmpdir() },
  },
})

endAllWithUs()
process.exitCode = await main()
// what was started stays connected; ending ends it too
process.exit()

async function main(): Promise<number> {
  const numbers = [options.streams, options.seconds, options.rounds]
  if (!numbers.every((text) => /^[1-9]\d{0,5}$/.test(text))) {
    process.stderr.write('error: not a number from 1 to 999999\nhint: --streams 9000 --seconds 60 --rounds 1\n')
    return 2
  }
  const dir = mkdtempSync(join(options.dir, 'sallyport-streams-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
  try {
    const figures = await measure(dir)
    process.stdout.write(options.json ? `${JSON.stringify(figures)}\n` : render(figures))
    return figures.lost + figures.missing + figures.misplaced === 0 ? 0 : 1
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }
}

async function measure(dir: string): Promise<Figures> {
  const wanted = Number(options.streams)
  const rounds = Number(options.rounds)
  const streams = clampStreams(wanted)
  if (streams < wanted) {
    tell(`this machine allows ${readMostDescriptors()} descriptors to a process and a stream needs two`)
    tell(`${streams} streams are opened in place of ${wanted} (raise it by ulimit -Hn)`)
  }
  const backend = await startBackend()
  const load = startLoad()
  const proxy = await startProxy('sallyport', { dir, backendPort: backend.port, profileDir: undefined })
  await pause(2_500)
  const idleKiB = readResidentKiB(proxy.process.pid)
  const perStream = (): number | null => {
    const resident = readResidentKiB(proxy.process.pid)
    return idleKiB === undefined || resident === undefined ? null : (resident - idleKiB) / streams
  }
  tell(`opening ${streams} streams`)
  const startedMs = performance.now()
  await load.stream({ kind: 'streams', target: proxy.target, count: streams })
  const openedPerSecond = (streams * 1_000) / (performance.now() - startedMs)
  await pause(2_500)
  const open = perStream()
  let atTheEnd = open
  let missing = 0
  let figures = { open: streams, lost: 0, reached: 0, misplaced: 0 }
  for (let round = 1; round <= rounds; round++) {
    const untilMs = startedMs + (Number(options.seconds) * 1_000 * round) / rounds
    tell(`silence for ${Math.max(0, Math.round((untilMs - performance.now()) / 1_000))} s`)
    while (performance.now() < untilMs) await pause(Math.min(1_000, untilMs - performance.now()))
    atTheEnd = perStream()
    tell('one event on each')
    // how long it takes decides nothing: a busy machine may need minutes
    const heard = load.stream({ kind: 'await-events', ms: 300_000 })
    backend.tell({ kind: 'event-to-every-stream' })
    figures = await heard
    missing += streams - figures.reached
  }
  const seconds = (performance.now() - startedMs) / 1_000
  await load.stream({ kind: 'close-streams' })
  await proxy.process.stop()
  const { lost, misplaced } = figures
  const residentKiBPerStream = { open, atTheEnd }
  return { streams, wanted, rounds, seconds, openedPerSecond, residentKiBPerStream, lost, missing, misplaced }
}

function render(figures: Figures): string {
  const { streams, rounds, seconds, openedPerSecond, residentKiBPerStream, lost, missing, misplaced } = figures
  const kib = (value: number | null): string => (value === null ? 'unknown' : `${value.toFixed(1)} KiB`)
  return [
    `${streams} streams, opened at ${Math.round(openedPerSecond)}/s, open for ${Math.round(seconds)} s`,
    `${streams * rounds - missing} of ${streams * rounds} events arrived; ${misplaced} in the wrong place; ${lost} streams lost`,
    `memory per stream: ${kib(residentKiBPerStream.open)} when open, ${kib(residentKiBPerStream.atTheEnd)} at the end`,
    '',
  ].join('\n')
}

/** Progress, for people who wait; the figures alone are on standard output. */
function tell(text: string): void {
  process.stderr.write(`${text} …\n`)
}
