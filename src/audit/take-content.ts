// Copies a message for the record, redacted, while there is room: texts, numbers and names of members. Bytes of files
// are never copied, only their size and SHA-256. What is looked at is bounded apart from what is kept, because content
// shrinks when it is redacted. After the first cut nothing more is taken.

import { createHash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { JsonObject, JsonValue } from '../base/strict-json.ts'
import { mayBeRoundedCard } from './find-personal-data.ts'
import { namesPerhaps, namesSecret, secretValue } from './find-secrets.ts'
import { redactText, type Redaction } from './redact.ts'
import { SearchEffort } from './search-effort.ts'

/** The member that a value is of; `isSecret` when its name, or one above it, says that it holds a secret. */
interface Place {
  readonly name: string
  readonly isSecret: boolean
}
const top: Place = { name: '', isSecret: false }

const redactedSecret = '[redacted:token]'

export class ContentTaker {
  isCut = false
  #room: number
  /** characters that may still be looked at; falls behind the room only when content shrinks */
  #sight: number
  readonly #redactions: readonly Redaction[]
  readonly #effort: SearchEffort
  readonly #hidesTokens: boolean
  readonly #hidesCards: boolean

  constructor(maxBytes: number, redactions: readonly Redaction[], clock: Clock) {
    this.#room = maxBytes
    this.#sight = maxBytes
    this.#redactions = redactions
    this.#effort = new SearchEffort(clock)
    this.#hidesTokens = redactions.some(({ name }) => name === 'token')
    this.#hidesCards = redactions.some(({ name }) => name === 'card')
  }

  takeItem(value: JsonValue): JsonValue | undefined {
    return this.#pay(1) ? this.take(value) : undefined
  }

  take(value: JsonValue): JsonValue | undefined {
    return this.#take(value, top)
  }

  #take(value: JsonValue, place: Place): JsonValue | undefined {
    if (typeof value === 'string') return this.#takeText(value, place)
    if (typeof value === 'number') return this.#takeNumber(value, place)
    if (typeof value !== 'object' || value === null) return this.#pay(String(value).length) ? value : undefined
    if (!this.#pay(2)) return undefined
    return Array.isArray(value) ? this.#takeList(value, place) : this.#takeObject(value, place)
  }

  #takeList(list: readonly JsonValue[], place: Place): JsonValue[] {
    const copy: JsonValue[] = []
    for (const item of list) {
      const taken = this.#pay(1) ? this.#take(item, place) : undefined
      if (taken !== undefined) copy.push(taken)
      if (this.isCut) break
    }
    return copy
  }

  #takeObject(object: JsonObject, place: Place): JsonObject {
    const copy: [string, JsonValue][] = []
    const uniqueName = createUniqueNames()
    for (const name of Object.keys(object)) {
      const member = object[name] ?? null
      const shown = this.#takeName(name, uniqueName)
      if (shown === undefined) break
      const taken = this.#takeMember(name, member, place)
      if (taken !== undefined) copy.push([shown, taken])
      if (this.isCut) break
    }
    // unlike an assignment, this makes a member of `__proto__` too
    return Object.fromEntries(copy)
  }

  /** A part of a message has its bytes in `raw`, base64, with `mediaType` beside it. */
  #takeMember(name: string, member: JsonValue, above: Place): JsonValue | undefined {
    if (name === 'raw' && above.name === 'parts' && typeof member === 'string') return this.#takeBytes(member)
    return this.#take(member, { name, isSecret: above.isSecret || (this.#hidesTokens && namesSecret(name)) })
  }

  #takeName(name: string, uniqueName: (name: string) => string): string | undefined {
    if (name.length > Math.min(this.#room, this.#sight) || !this.#look(name.length)) return this.#stop()
    const shown = uniqueName(redactText(name, this.#redactions, name.length, this.#effort).text)
    return this.#pay(jsonBytes(shown) + 2) ? shown : undefined
  }

  #takeBytes(base64: string): JsonValue | undefined {
    const bytes = Buffer.from(base64, 'base64')
    return this.#takeAsIs({ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('base64url') })
  }

  #takeText(value: string, { name, isSecret }: Place): string | undefined {
    if (isSecret) return this.#takeAsIs(redactedSecret)
    const limit = Math.min(this.#room - 2, this.#sight)
    if (limit < 0 || !this.#look(Math.min(value.length, limit))) return this.#stop()
    if (this.#hidesTokens && namesPerhaps.test(name) && secretValue.test(value)) return this.#takeAsIs(redactedSecret)
    const redacted = redactText(value, this.#redactions, limit, this.#effort)
    const text = cutText(redacted.text, limit)
    this.#room -= jsonBytes(text)
    if (redacted.isCut || text.length < redacted.text.length || this.#effort.isSpent) this.#stop()
    return text
  }

  /** As a number, unless it has to be redacted or JavaScript has rounded it: then as a text. */
  #takeNumber(value: number, { name, isSecret }: Place): JsonValue | undefined {
    // how many tokens were used is no secret
    if (isSecret && !/tokens?$/i.test(name)) return this.#takeAsIs(redactedSecret)
    const text = String(value)
    if (!this.#look(text.length)) return undefined
    const redacted = redactText(text, this.#redactions, text.length, this.#effort).text
    if (redacted !== text) return this.#takeAsIs(redacted)
    if (this.#hidesCards && mayBeRoundedCard(value)) return this.#takeAsIs('[redacted:card]')
    const isRounded = Number.isInteger(value) && !Number.isSafeInteger(value)
    return this.#takeAsIs(isRounded ? `~${text}` : value)
  }

  #takeAsIs<Value extends JsonValue>(value: Value): Value | undefined {
    return this.#pay(Buffer.byteLength(JSON.stringify(value))) ? value : undefined
  }

  #look(chars: number): boolean {
    if (this.isCut || this.#effort.isSpent || chars > this.#sight) this.#stop()
    else this.#sight -= chars
    return !this.isCut
  }

  #pay(bytes: number): boolean {
    if (this.isCut || bytes > this.#room) this.#stop()
    else this.#room -= bytes
    return !this.isCut
  }

  #stop(): undefined {
    this.isCut = true
  }
}

/** Two names may be the same once they are redacted: from the second on they get a number. */
function createUniqueNames(): (name: string) => string {
  const used = new Set<string>()
  const counts = new Map<string, number>()
  return (name) => {
    let unique = name
    while (used.has(unique)) {
      const count = (counts.get(name) ?? 1) + 1
      counts.set(name, count)
      unique = `${name} (${count})`
    }
    used.add(unique)
    return unique
  }
}

const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text))

/** As much of a text as has room, as JSON, in so many bytes between its quotes. Never half of a character. */
function cutText(text: string, maxBytes: number): string {
  let cut = text
  for (let bytes = jsonBytes(cut) - 2; bytes > maxBytes; bytes = jsonBytes(cut) - 2) {
    // in proportion: a few rounds, however unevenly the escapes lie
    const length = Math.min(cut.length - 1, Math.floor((cut.length * maxBytes) / bytes))
    cut = cut.slice(0, isHighSurrogate(cut.charCodeAt(length - 1)) ? length - 1 : length)
  }
  return cut
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
