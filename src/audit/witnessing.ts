// The writer's side of witnessing: asks every witness to cosign the published checkpoint, in rounds, while the log
// grows; keeps what enough of them cosigned in the file `witnessed`; says how old that is. Witnesses are asked side by
// side, each with its own patience: one that hangs or fails delays nobody. Before anything is served they are asked
// what they know: a log that they can show to be longer, or other, was put back and must not go on, then or later.
// What they only claim is weighed (judge-witnesses.ts).

import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { parseCheckpoint, verifyCheckpoint, type UnverifiedCheckpoint, type Verifier } from '../tlog/checkpoint.ts'
import { maxCosignedNoteBytes, readCosignatures, witnessedTime } from '../tlog/cosignature.ts'
import { openTree } from '../tlog/tree-reader.ts'
import { askWitness, rootAt, type Asked, type WitnessPort } from './ask-witness.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import { doubtOf, doubted, isAnswered, putBack, unanswered } from './judge-witnesses.ts'
import { readVkeys } from './recover-ledger.ts'
import { openTiles, type TiledLog } from './tile-files.ts'
import {
  isBetter,
  mergeCosignatures,
  readWitnessed,
  witnessedFile,
  writeWitnessed,
  type WitnessedCheckpoint,
} from './witnessed-file.ts'

export interface WitnessingOptions {
  /** the folder of the log */
  readonly dir: string
  readonly origin: string
  readonly witnesses: readonly WitnessPort[]
  /** how many distinct witnesses make a checkpoint a witnessed one */
  readonly require: number
  readonly intervalMs: number
  /** undefined: a witnessed checkpoint may be of any age */
  readonly maxAgeMs: number | undefined
  /** whether `confirm` throws when fewer than `require` witnesses cosigned */
  readonly atStart: 'required' | 'preferred'
  /** durable records; undefined for a log that nobody writes now: as many as its checkpoint says */
  readonly logSize?: () => number
  readonly clock: Clock
  /** in [0, 1): keeps many gateways from asking in step */
  readonly random: () => number
  /** a witness proves while this log runs that it was put back; told once for each witness */
  readonly onConflict: (witness: string, message: string) => void
  /** a witness claims the same and shows nothing; told once for each until it cosigns again */
  readonly onUnproven: (witness: string, message: string) => void
  readonly fs?: FileSystem
}

export interface WitnessReport {
  readonly name: string
  /** 0 when it never cosigned since the start */
  readonly lastSuccessMs: number
  readonly failures: number
  /** why it could not be had the last time; '' when it could */
  readonly trouble: string
  /** it claims to know a longer or another log, and shows nothing that the log signed */
  readonly isUnproven: boolean
}

export interface WitnessingStatus {
  /** size and time of the newest witnessed checkpoint; undefined when there is none */
  readonly newest: { readonly size: number; readonly timeMs: number } | undefined
  readonly witnesses: readonly WitnessReport[]
}

export interface Witnessing {
  /**
   * Asks every witness what it knows. Throws a Fault LEDGER_CORRUPT when one proves a longer or another log, or too
   * many claim it; LEDGER_UNWRITABLE when they are required and did not answer. Answers with those that failed.
   */
  confirm(): Promise<readonly WitnessReport[]>
  /** one round; resolves when every witness that was asked in it has answered or failed */
  round(): Promise<void>
  /** rounds by the clock */
  start(): void
  stop(): Promise<void>
  /** why calls must not be served now; undefined when they may. What was proven stays. */
  overdue(): string | undefined
  readonly status: WitnessingStatus
}

const keptRounds = 4
const maxBackoffMs = 300_000 // bound: between two questions to a witness that fails
const publishWaitMs = 5_000 // bound: a wait at the start for the checkpoint to be published
const publishPollMs = 50

interface WitnessState {
  readonly port: WitnessPort
  knownSize: number
  cosignedAtMs: number
  lastSuccessMs: number
  failures: number
  failuresInRow: number
  nextAttemptMs: number
  trouble: string
  isBusy: boolean
  isInConflict: boolean
  /** a claim without proof; undefined when it cosigned after it */
  unprovenSize: number | undefined
}

interface Published {
  readonly checkpoint: UnverifiedCheckpoint
  readonly note: Buffer
  readonly tiles: TiledLog
  readonly logKeys: readonly Verifier[]
}

export function createWitnessing(options: WitnessingOptions): Witnessing {
  return new Rounds(options)
}

class Rounds implements Witnessing {
  readonly #options: WitnessingOptions
  readonly #files: FileSystem
  readonly #states: readonly WitnessState[]
  #newest: WitnessedCheckpoint | undefined
  /** checkpoints that were asked about, and what came of it, the latest last */
  #rounds: WitnessedCheckpoint[] = []
  #writing: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #isStopped = false
  /** the first conflict that was proven: nothing that comes later takes it back */
  #conflict: string | undefined

  constructor(options: WitnessingOptions) {
    this.#options = options
    this.#files = options.fs ?? nodeFiles
    this.#states = options.witnesses.map((port) => ({
      port,
      knownSize: 0,
      cosignedAtMs: 0,
      lastSuccessMs: 0,
      failures: 0,
      failuresInRow: 0,
      nextAttemptMs: 0,
      trouble: '',
      isBusy: false,
      isInConflict: false,
      unprovenSize: undefined,
    }))
  }

  get status(): WitnessingStatus {
    const seconds = this.#newest && witnessedTime(this.#newest.cosignatures, this.#options.require)
    return {
      newest:
        this.#newest === undefined || seconds === undefined
          ? undefined
          : { size: this.#newest.checkpoint.size, timeMs: seconds * 1_000 },
      witnesses: this.#states.map(reportOf),
    }
  }

  overdue(): string | undefined {
    const { maxAgeMs, clock, require } = this.#options
    const contradicted = this.#conflict ?? doubtOf(this.#states, require)
    if (contradicted !== undefined || maxAgeMs === undefined) return contradicted
    const { newest } = this.status
    if (newest === undefined) return 'no checkpoint of the ledger was witnessed yet'
    const ageMs = clock.nowMs() - newest.timeMs
    return ageMs <= maxAgeMs ? undefined : `the newest witnessed checkpoint is ${Math.floor(ageMs / 1_000)} s old`
  }

  async confirm(): Promise<readonly WitnessReport[]> {
    await this.#load()
    const published = await this.#awaitPublished().catch((error: unknown) => {
      for (const state of this.#states) state.trouble = error instanceof Error ? error.message : String(error)
    })
    if (published !== undefined) await this.#confirmPublished(published)
    const { atStart, require } = this.#options
    const failures = this.#states.filter(({ trouble }) => trouble !== '').map(reportOf)
    const doubt = doubtOf(this.#states, require)
    if (doubt !== undefined) throw doubted(doubt)
    if (atStart === 'required' && !isAnswered(this.#states, require)) throw unanswered(failures, require)
    return failures
  }

  async #confirmPublished(published: Published): Promise<void> {
    await this.#confirmFile(published)
    const asked = await Promise.all(
      this.#states.map(async (state) => ({ state, asked: await this.#ask(state, published) })),
    )
    await this.#writing
    for (const { state, asked: answer } of asked) {
      const message = this.#conflictOf(state, answer)
      if (message === undefined) continue
      await this.#keepProof(state, answer)
      throw putBack(message)
    }
  }

  async round(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs()
    const published = await this.#published().catch(() => undefined)
    if (published === undefined || this.#isStopped) return
    const { size } = published.checkpoint
    const due = this.#states.filter(
      (state) => !state.isBusy && nowMs >= state.nextAttemptMs && (state.knownSize < size || this.#isStale(state)),
    )
    if (due.length > 0) await Promise.all(due.map((state) => this.#askCounted(state, published)))
    // what the disk did not take before
    for (const each of this.#rounds) this.#keep(each)
    await this.#writing
  }

  start(): void {
    const { intervalMs, random } = this.#options
    const shortest = Math.max(Math.min(intervalMs, this.#third() ?? intervalMs), 100)
    // from three quarters to five: gateways that were started together drift apart
    const delay = shortest * (0.75 + random() / 2)
    this.#timer = setTimeout(() => {
      // not waited for: who hangs is left out of the next round
      this.round().catch(() => undefined)
      this.start()
    }, delay).unref()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#writing
  }

  #third(): number | undefined {
    const { maxAgeMs } = this.#options
    return maxAgeMs === undefined ? undefined : maxAgeMs / 3
  }

  /** A log that does not grow is cosigned again, so that its age shows that its witnesses still see it. */
  #isStale({ cosignedAtMs }: WitnessState): boolean {
    const third = this.#third()
    return third !== undefined && this.#options.clock.nowMs() - cosignedAtMs >= third
  }

  async #askCounted(state: WitnessState, published: Published): Promise<void> {
    const wasUnproven = state.unprovenSize !== undefined
    const answer = await this.#ask(state, published)
    const message = this.#conflictOf(state, answer)
    const { name } = state.port.cosigner
    if (!wasUnproven && state.unprovenSize !== undefined) this.#options.onUnproven(name, state.trouble)
    if (message === undefined || state.isInConflict) return
    state.isInConflict = true
    this.#conflict ??= message
    this.#options.onConflict(name, message)
    await this.#keepProof(state, answer)
  }

  async #ask(state: WitnessState, { checkpoint, note, tiles, logKeys }: Published): Promise<Asked> {
    const { clock, logSize } = this.#options
    state.isBusy = true
    const nowSeconds = Math.floor(clock.nowMs() / 1_000)
    const asked = await askWitness({
      witness: state.port,
      checkpoint,
      note,
      logKeys,
      treeOf: (size) => openTree(size, tiles),
      oldSize: state.knownSize,
      logSize: logSize?.() ?? checkpoint.size,
      nowSeconds,
    })
    state.isBusy = false
    if (this.#isStopped) return asked
    if (asked.kind === 'cosigned') {
      state.knownSize = checkpoint.size
      state.cosignedAtMs = asked.cosignature.timeSeconds * 1_000
      state.lastSuccessMs = clock.nowMs()
      state.failuresInRow = 0
      state.nextAttemptMs = 0
      state.trouble = ''
      state.isInConflict = false
      state.unprovenSize = undefined
      this.#collect({ checkpoint, cosignatures: [asked.cosignature] })
    } else this.#noteFailure(state, asked)
    return asked
  }

  #noteFailure(state: WitnessState, asked: Exclude<Asked, { kind: 'cosigned' }>): void {
    const { clock, intervalMs, random } = this.#options
    if (asked.kind === 'ahead') state.knownSize = asked.knownSize
    state.failures += 1
    state.failuresInRow += 1
    if (asked.kind === 'unproven') state.unprovenSize = asked.knownSize
    state.trouble = troubleOf(asked)
    const longest = Math.min(maxBackoffMs, this.#third() ?? maxBackoffMs)
    const backoff = Math.min(intervalMs * 2 ** Math.min(state.failuresInRow - 1, 16), longest)
    state.nextAttemptMs = clock.monotonicMs() + backoff * (0.5 + random() / 2)
  }

  #conflictOf({ port }: WitnessState, asked: Asked): string | undefined {
    const name = JSON.stringify(port.cosigner.name)
    if (asked.kind === 'rollback') {
      const size = this.#options.logSize?.()
      const present = size === undefined ? 'as its checkpoint says' : `${size} records`
      return `the log is shorter than witness ${name} knows it: ${present}, ${asked.knownSize} were witnessed`
    }
    if (asked.kind !== 'split') return undefined
    return `witness ${name} knows another history of this log: the first ${asked.knownSize} records are not those that it cosigned`
  }

  /** Adds to what is known of the checkpoint, and keeps the file up. */
  #collect(more: WitnessedCheckpoint): void {
    const same = this.#rounds.find(({ checkpoint }) => checkpoint.text === more.checkpoint.text)
    const cosignatures = mergeCosignatures(same?.cosignatures ?? [], more.cosignatures)
    const merged = { checkpoint: more.checkpoint, cosignatures }
    this.#rounds = [...this.#rounds.filter((each) => each !== same), merged].slice(-keptRounds)
    this.#keep(merged)
  }

  /** The next start must find it although no witness answers then. */
  async #keepProof({ port }: WitnessState, asked: Asked): Promise<void> {
    if (asked.kind !== 'rollback' && asked.kind !== 'split') return
    const { proof } = asked
    const logKeys = await this.#logKeys()
    const signatures = proof.signatures.filter((line) =>
      logKeys.some(({ name, keyHash }) => name === line.name && keyHash === line.keyHash),
    )
    // a line that is no cosignature would spoil what this log signed
    const cosignatures = readCosignatures(proof, [port.cosigner], undefined) ?? []
    const write = (): Promise<void> =>
      writeWitnessed(this.#files, this.#options.dir, { checkpoint: { ...proof, signatures }, cosignatures })
    // a disk that does not take it changes nothing now: calls are refused already
    this.#writing = this.#writing.then(write).catch(() => undefined)
    await this.#writing
  }

  #keep(candidate: WitnessedCheckpoint): void {
    const write = async (): Promise<void> => {
      if (this.#conflict !== undefined || !isBetter(candidate, this.#newest, this.#options.require)) return
      await writeWitnessed(this.#files, this.#options.dir, candidate)
      this.#newest = candidate
    }
    // a disk that does not take it now is asked again in the next round
    this.#writing = this.#writing.then(write).catch(() => undefined)
  }

  /** The file from before, if it can be believed. */
  async #load(): Promise<void> {
    const { dir, witnesses, clock } = this.#options
    const bytes = await this.#files.readFile(join(dir, witnessedFile), maxCosignedNoteBytes)
    if (bytes === undefined) return
    const cosigners = witnesses.map(({ cosigner }) => cosigner)
    const nowSeconds = Math.floor(clock.nowMs() / 1_000)
    this.#newest = readWitnessed(bytes, await this.#logKeys(), cosigners, nowSeconds)
    if (this.#newest !== undefined) this.#rounds = [this.#newest]
  }

  async #logKeys(): Promise<readonly Verifier[]> {
    return (await readVkeys(this.#files, this.#options.dir)) ?? []
  }

  /** What is witnessed must be a state of this log: the file may be all that was not put back. */
  async #confirmFile({ checkpoint, tiles }: Published): Promise<void> {
    const newest = this.#newest?.checkpoint
    if (newest === undefined) return
    const present = Math.max(this.#options.logSize?.() ?? 0, checkpoint.size)
    if (newest.size > present)
      throw putBack(`the log is shorter than it was witnessed: ${present} records, ${newest.size} were witnessed`)
    if (newest.size > checkpoint.size) return
    const root = await rootAt((size) => openTree(size, tiles), newest.size)
    if (root?.equals(newest.root) === false)
      throw putBack(`the first ${newest.size} records are not those that were witnessed`)
  }

  async #published(): Promise<Published> {
    const { dir, origin } = this.#options
    const tiles = await openTiles(dir, this.#files)
    const note = tiles.checkpoint
    const checkpoint = note && parseCheckpoint(note)
    const logKeys = await this.#logKeys()
    if (note === undefined || checkpoint?.origin !== origin || !verifyCheckpoint(checkpoint, logKeys))
      throw new Fault('LEDGER_CORRUPT', 'the checkpoint file is not a checkpoint that this log signed', {
        hint: 'run `sallyport audit verify`',
      })
    // a witness must never know what a power cut could take back
    await this.#files.syncFolder(dir)
    return { checkpoint, note, tiles, logKeys }
  }

  /** The published checkpoint, once it covers every record; after a while, as it is. */
  async #awaitPublished(): Promise<Published> {
    for (let waitedMs = 0; ; waitedMs += publishPollMs) {
      const published = await this.#published()
      const wanted = this.#options.logSize?.() ?? 0
      if (published.checkpoint.size >= wanted || waitedMs >= publishWaitMs) return published
      await new Promise((resolve) => setTimeout(resolve, publishPollMs))
    }
  }
}

/** The origin of the log in a folder; undefined where there is none that can be read. */
export async function readLogOrigin(dir: string, files: FileSystem = nodeFiles): Promise<string | undefined> {
  const keys = await readVkeys(files, dir).catch(() => undefined)
  return keys?.[0]?.name
}

const reportOf = ({ port, lastSuccessMs, failures, trouble, unprovenSize }: WitnessState): WitnessReport => ({
  name: port.cosigner.name,
  lastSuccessMs,
  failures,
  trouble,
  isUnproven: unprovenSize !== undefined,
})

function troubleOf(asked: Exclude<Asked, { kind: 'cosigned' }>): string {
  if (asked.kind === 'failed') return asked.why
  if (asked.kind !== 'unproven') return `it knows ${asked.knownSize} records`
  return `it claims another history or more records than there are, at ${asked.knownSize}, and shows no checkpoint that this log signed`
}
