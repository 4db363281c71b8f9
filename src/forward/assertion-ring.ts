// The keys that sign assertions, over time. A new key is published first and signs only when nobody can have a key set
// without it any more; the one before stays published until the last assertion by it has ended everywhere, and the
// gateway itself knows it for as long as a grant may last. A key that is given up at once (`now`) proves nothing from
// then on. The private key of what signs no longer is not kept. What is where survives a crash at every step.

import { createPublicKey, type KeyObject } from 'node:crypto'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { Sealer } from '../base/sealing.ts'
import { readSecretFile, replaceSecretFile } from '../base/secret-file.ts'
import { isJsonObject, parseStrictJson, type JsonValue } from '../base/strict-json.ts'
import {
  createAssertionSigner,
  describePublicKey,
  loadAssertionKey,
  type AssertionSigner,
  type PublicJwk,
} from './mint-assertion.ts'

/** A key set may be kept for so long by those who verify. */
const publishedFirstMs = 900_000 // bound: a key of assertions is published before it signs for
/** the same, the life of an assertion, and clocks that differ */
const publishedAfterMs = 680_000 // bound: a key of assertions stays published after it signed for
const maxRecordBytes = 65_536
const maxRetired = 16 // bound: keys of assertions that have signed before and still count

export interface AssertionRotation {
  /** of the new key */
  readonly kid: string
  readonly signsFromMs: number
  readonly retiring: string
}

export interface AssertionRing extends AssertionSigner {
  /** a key by which an assertion may be known, for as long as a grant may last */
  find(kid: string): { readonly kid: string; readonly publicKey: KeyObject } | undefined
  /** what `rotate` would do; throws a Fault while a rotation is on its way */
  plan(now: boolean): void
  rotate(now: boolean): Promise<AssertionRotation>
  /** Lets the next key sign when it is time, and forgets what no longer counts. Answers the key that begins to sign. */
  tick(): string | undefined
}

interface Retired {
  readonly jwk: PublicJwk
  readonly publicKey: KeyObject
  readonly atMs: number
}

interface Next {
  readonly file: string
  readonly signer: AssertionSigner
  readonly sinceMs: number
}

/** `folder` holds the keys; `maxGrantMs` is how long a grant may last. Throws a Fault when a key cannot be read. */
export async function openAssertionRing(
  folder: string,
  sealer: Sealer,
  clock: Clock,
  maxGrantMs: () => number,
): Promise<AssertionRing> {
  const recordPath = join(folder, 'assertion-keys.json')
  const load = async (file: string): Promise<AssertionSigner> =>
    createAssertionSigner(await loadAssertionKey(join(folder, file), sealer))
  const record = readRecord(recordPath)
  // never rotated: the first; with a record that nobody can read the latest that is there
  let file = record.current ?? keyFiles(folder).at(record.isLost ? -1 : 0) ?? keyFile(1)
  let current = await load(file)
  let retired = record.retired
  let next: Next | undefined =
    record.next === undefined ? undefined : { ...record.next, signer: await load(record.next.file) }

  const write = (): void => {
    const kept = retired.map(({ jwk, atMs }) => ({ jwk: { ...jwk }, atMs }))
    const announced = next === undefined ? null : { file: next.file, sinceMs: next.sinceMs }
    const text = JSON.stringify({ v: 1, current: file, next: announced, retired: kept })
    replaceSecretFile(recordPath, Buffer.from(text))
  }
  /** Keys that the record does not name sign nothing: those of before, and what a crash left. */
  const sweep = (): void => {
    for (const name of keyFiles(folder))
      if (name !== file && name !== next?.file) rmSync(join(folder, name), { force: true })
  }
  const freeFile = (): string => {
    const last = Math.max(0, ...keyFiles(folder).map((name) => numberOf(name) ?? 0))
    return keyFile(last + 1)
  }
  if (record.current !== undefined) sweep()

  const plan = (now: boolean): void => {
    if (now || next === undefined) return
    const at = new Date(next.sinceMs + publishedFirstMs).toISOString()
    throw new Fault('CONTROL_FAILED', `a new key is published already and signs from ${at}`, {
      hint: 'wait until then, or give the present key up at once: sallyport assertion rotate-key --now',
    })
  }

  const begin = (signer: AssertionSigner, name: string): void => {
    current = signer
    file = name
    next = undefined
    write()
    sweep()
  }

  return {
    get kid() {
      return current.kid
    },
    get publicKey() {
      return current.publicKey
    },
    mint: (request) => current.mint(request),
    mintToken: (token) => current.mintToken(token),
    jwks() {
      const since = clock.nowMs() - publishedAfterMs
      const before = retired.filter(({ atMs }) => atMs > since).map(({ jwk }) => jwk)
      return { keys: [...current.jwks().keys, ...(next?.signer.jwks().keys ?? []), ...before] }
    },
    find(kid) {
      if (kid === current.kid) return current
      if (kid === next?.signer.kid) return next.signer
      const found = retired.find(({ jwk }) => jwk.kid === kid)
      return found !== undefined && clock.nowMs() < found.atMs + maxGrantMs() ? { kid, ...found } : undefined
    },
    plan,
    async rotate(now) {
      plan(now)
      const retiring = current.kid
      const name = freeFile()
      const signer = await load(name)
      if (now) {
        retired = []
        begin(signer, name)
        return { kid: signer.kid, signsFromMs: clock.nowMs(), retiring }
      }
      next = { file: name, signer, sinceMs: clock.nowMs() }
      write()
      return { kid: signer.kid, signsFromMs: next.sinceMs + publishedFirstMs, retiring }
    },
    tick() {
      if (next !== undefined && clock.nowMs() >= next.sinceMs + publishedFirstMs) {
        const { publicKey } = current
        const gone = { jwk: describePublicKey(publicKey), publicKey, atMs: clock.nowMs() }
        retired = [gone, ...retired].slice(0, maxRetired)
        begin(next.signer, next.file)
        return current.kid
      }
      const left = retired.filter(({ atMs }) => clock.nowMs() < atMs + Math.max(maxGrantMs(), publishedAfterMs))
      if (left.length < retired.length) {
        retired = left
        write()
      }
      return undefined
    },
  }
}

/** The first is `assertion.pem`, the second `assertion-2.pem`. A key stays under its name, to which it is sealed. */
const keyFile = (number: number): string => (number === 1 ? 'assertion.pem' : `assertion-${number}.pem`)

function numberOf(name: string): number | undefined {
  const found = /^assertion(?:-([2-9]|[1-9][0-9]{1,6}))?\.pem$/.exec(name)
  return found === null ? undefined : Number(found[1] ?? 1)
}

/** Oldest first. */
function keyFiles(folder: string): string[] {
  const names = existsSync(folder) ? readdirSync(folder) : []
  return names
    .flatMap((name) => numberOf(name) ?? [])
    .sort((a, b) => a - b)
    .map(keyFile)
}

interface KeyRecord {
  /** it was there, and nobody can read it */
  readonly isLost: boolean
  readonly current: string | undefined
  readonly next: Pick<Next, 'file' | 'sinceMs'> | undefined
  readonly retired: readonly Retired[]
}

/** What cannot be read gives no key of before back: assertions by them are refused, and agents are called anew. */
function readRecord(path: string): KeyRecord {
  const bytes = readSecretFile(path, maxRecordBytes)
  const parsed = parseStrictJson(bytes?.toString('utf8') ?? '', { maxDepth: 8, maxNodes: 1_000 })
  const value = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
  const { current, next, retired } = value
  return {
    isLost: bytes !== undefined && !isKeyFile(current),
    current: isKeyFile(current) ? current : undefined,
    next:
      isJsonObject(next) && isKeyFile(next['file']) && typeof next['sinceMs'] === 'number'
        ? { file: next['file'], sinceMs: next['sinceMs'] }
        : undefined,
    retired: Array.isArray(retired) ? retired.flatMap(readRetired).slice(0, maxRetired) : [],
  }
}

const isKeyFile = (value: JsonValue | undefined): value is string =>
  typeof value === 'string' && numberOf(value) !== undefined

function readRetired(value: JsonValue): Retired[] {
  if (!isJsonObject(value) || !isJsonObject(value['jwk']) || typeof value['atMs'] !== 'number') return []
  try {
    const { kty, crv, x, y } = value['jwk']
    if (typeof x !== 'string' || typeof y !== 'string' || kty !== 'EC' || crv !== 'P-256') return []
    const publicKey = createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' })
    return [{ jwk: describePublicKey(publicKey), publicKey, atMs: value['atMs'] }]
  } catch {
    // no point on the curve: a key that signed nothing
    return []
  }
}
