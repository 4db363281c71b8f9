// What a witness answers to a request to cosign: the checks of C2SP tlog-witness, in its order. It cosigns a
// checkpoint only when a key of the log signed it and it is proven to lead on from the last one that was cosigned;
// that, and the time, are durable before anybody sees the cosignature. Requests are hostile until shown otherwise.

import type { Clock } from '../base/clock.ts'
import { sizeContentType, parseAddCheckpoint, type AddCheckpoint } from '../tlog/add-checkpoint.ts'
import { parseCheckpoint, verifyCheckpoint, type UnverifiedCheckpoint, type Verifier } from '../tlog/checkpoint.ts'
import { formatSignature, maxClockSkewSeconds, maxCosignedNoteBytes, type CosigningKey } from '../tlog/cosignature.ts'
import { verifyConsistency } from '../tlog/merkle.ts'
import type { Outcome } from './admission.ts'
import type { EvidenceKeeper, EvidenceKind } from './evidence.ts'
import type { WatchedLogs } from './watched-logs.ts'
import type { Cosigned, WitnessState } from './witness-state.ts'

export interface Answer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422 | 429 | 503
  readonly contentType: string
  readonly body: string
}

export interface Judged {
  readonly answer: Answer
  /** '' when none could be read */
  readonly origin: string
  /** undefined when it was not looked into */
  readonly outcome: Outcome | undefined
}

export interface JudgeParts {
  readonly keys: readonly CosigningKey[]
  readonly logs: WatchedLogs
  readonly state: WitnessState
  readonly evidence: EvidenceKeeper
  readonly clock: Clock
}

const text = (status: Answer['status'], body: string): Answer => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body: `${body}\n`,
})

/**
 * What is cheap comes first; `mayVerify` is asked before a signature is verified. Throws only when the state cannot
 * be read or kept; nothing is cosigned then.
 */
export function judgeCheckpoint(body: Buffer, parts: JudgeParts, mayVerify: (origin: string) => boolean): Judged {
  const request = parseAddCheckpoint(body)
  if (request === undefined) return { answer: text(400, 'the request is malformed'), origin: '', outcome: 'failed' }
  const { checkpoint } = request
  const { origin } = checkpoint
  const logKeys = parts.logs.keysOf(origin)
  const judged = (outcome: Outcome | undefined, answer: Answer): Judged => ({ answer, origin, outcome })
  if (logKeys.length === 0) return judged('failed', text(404, 'this log is not watched here'))
  if (!mayVerify(origin)) return judged(undefined, text(429, 'too many requests that are not known to be by this log'))
  // each key signs once: a true line repeated before a false one would be verified as often
  if (repeatsKey(checkpoint, logKeys) || !verifyCheckpoint(checkpoint, logKeys))
    return judged('failed', text(403, 'no key of this log signed the checkpoint'))
  return decide(request, body, parts, logKeys)
}

function repeatsKey({ signatures }: UnverifiedCheckpoint, logKeys: readonly Verifier[]): boolean {
  return logKeys.some(
    (key) => signatures.filter(({ name, keyHash }) => name === key.name && keyHash === key.keyHash).length > 1,
  )
}

function decide(request: AddCheckpoint, body: Buffer, parts: JudgeParts, logKeys: readonly Verifier[]): Judged {
  const { checkpoint, oldSize } = request
  const { origin } = checkpoint
  let outcome: Outcome = 'repeated'
  if (oldSize > checkpoint.size)
    return { answer: text(400, 'the old size is larger than the checkpoint'), origin, outcome }
  const accuse = (kind: EvidenceKind, latest: Cosigned): void => {
    parts.evidence.keep({
      kind,
      origin,
      receivedAtMs: parts.clock.nowMs(),
      cosigned: latest.note,
      refused: checkpoint.text,
      request: body.toString('utf8'),
    })
  }
  let answer = text(503, 'nothing was decided')
  let accused: { kind: EvidenceKind; latest: Cosigned } | undefined
  parts.state.update(origin, (latest, lastSeconds) => {
    const refusal = findContradiction(request, latest)
    if (refusal !== undefined) {
      answer = refusal.answer
      accused = refusal.kind && { kind: refusal.kind, latest }
      return undefined
    }
    const timeSeconds = nextTime(parts.clock, lastSeconds)
    if (timeSeconds === undefined) {
      answer = text(503, 'the clock of this witness is behind its last cosignature')
      return undefined
    }
    const lines = parts.keys.map((key) => key.cosign(checkpoint, timeSeconds)).join('')
    answer = { status: 200, contentType: 'text/plain; charset=utf-8', body: lines }
    if (checkpoint.size > latest.size) outcome = 'advanced'
    const note = `${checkpoint.text}\n${ownLines(checkpoint, logKeys)}${lines}`
    return { size: checkpoint.size, root: checkpoint.root, note, timeSeconds }
  })
  // after the lock is let go: others need not wait for it
  if (accused !== undefined) accuse(accused.kind, accused.latest)
  return { answer, origin, outcome }
}

interface Contradiction {
  readonly answer: Answer
  /** worth keeping */
  readonly kind?: EvidenceKind
}

function findContradiction({ oldSize, proof, checkpoint }: AddCheckpoint, latest: Cosigned): Contradiction | undefined {
  if (oldSize !== latest.size) {
    const isSplit = checkpoint.size === latest.size && !checkpoint.root.equals(latest.root)
    const answer: Answer = { status: 409, contentType: sizeContentType, body: `${latest.size}\n` }
    return { answer, ...(isSplit && { kind: 'split' as const }) }
  }
  if (checkpoint.size === oldSize && !checkpoint.root.equals(latest.root))
    return { answer: text(409, 'another root was cosigned for this size'), kind: 'split' }
  if (isProven(oldSize, proof, checkpoint, latest.root)) return undefined
  return { answer: text(422, 'the consistency proof does not verify'), kind: 'unproven' }
}

function isProven(
  oldSize: number,
  proof: readonly Buffer[],
  { size, root }: UnverifiedCheckpoint,
  oldRoot: Buffer,
): boolean {
  if (oldSize === 0) return proof.length === 0
  return verifyConsistency({ size1: oldSize, size2: size, root1: oldRoot, root2: root, proof })
}

/** Never before a time that was given; undefined when the clock is too far behind that to be believed. */
function nextTime(clock: Clock, lastSeconds: number): number | undefined {
  const nowSeconds = Math.floor(clock.nowMs() / 1_000)
  if (nowSeconds >= lastSeconds) return nowSeconds
  return lastSeconds - nowSeconds <= maxClockSkewSeconds ? lastSeconds : undefined
}

/** The lines by keys of the log: what others have put below the checkpoint is not ours to hand on. */
function ownLines(checkpoint: UnverifiedCheckpoint, logKeys: readonly { name: string; keyHash: number }[]): string {
  const lines = new Set<string>()
  for (const signature of checkpoint.signatures) {
    const { name, keyHash } = signature
    if (logKeys.some((key) => key.name === name && key.keyHash === keyHash)) lines.add(formatSignature(signature))
  }
  return [...lines].join('')
}

/** The newest note that was cosigned for a log that is watched; undefined when there is none. */
export function newestNote(origin: string, { logs, state }: Pick<JudgeParts, 'logs' | 'state'>): string | undefined {
  if (logs.keysOf(origin).length === 0) return undefined
  const { note } = state.read(origin)
  return parseCheckpoint(Buffer.from(note), { maxBytes: maxCosignedNoteBytes, withExtensions: true }) && note
}
