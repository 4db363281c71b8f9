// What of a message is recorded: nothing, unless a rule of the configuration names the agent. Then every text in it is
// redacted first, and what is longer than the rule allows is cut where JSON can be cut, and marked. Names of members
// are kept as they are. Memory and time are bounded by the rule, not by who sends.

import type { JsonObject, JsonValue } from '../base/strict-json.ts'
import { contentRuleOf, type ContentRule, type Finding } from '../config/config.ts'
import {
  builtinFinder,
  compilePattern,
  redactText,
  secretName,
  secretValue,
  type BuiltinName,
  type Redaction,
} from './redact.ts'

/** Members of a record's event. */
export type RecordedContent = { readonly content: JsonValue; readonly contentCut?: true }

/** Values one after another, as they come. */
export interface ContentList {
  add(value: JsonValue): void
  /** nothing more is taken: whoever has more need not read it */
  readonly isFull: boolean
  taken(): RecordedContent
}

export interface ContentRules {
  /** undefined when nothing is recorded; what is given is only asked for when it is */
  request(agent: string, message: () => JsonValue | undefined): RecordedContent | undefined
  answer(agent: string, result: () => JsonValue | undefined): RecordedContent | undefined
  events(agent: string): ContentList | undefined
}

interface Compiled {
  readonly rule: ContentRule
  readonly redactions: readonly Redaction[]
}

const maxContentBytes = 4_194_304 // bound: content of one record

/** The first rule that names an agent is the one for it. The rules were checked: see findContentProblems. */
export function compileContentRules(rules: readonly ContentRule[]): ContentRules {
  const compiled = new Map(rules.map((rule) => [rule, { rule, redactions: rule.redact.map(compileRedaction) }]))
  const ruleOf = (agent: string): Compiled | undefined => {
    const rule = contentRuleOf(rules, agent)
    return rule && compiled.get(rule)
  }
  return {
    request(agent, message) {
      const found = ruleOf(agent)
      return found?.rule.requests === true ? takeContent(message(), found) : undefined
    },
    answer(agent, result) {
      const found = ruleOf(agent)
      return found?.rule.answers === true ? takeContent(result(), found) : undefined
    },
    events(agent) {
      const found = ruleOf(agent)
      return found?.rule.answers === true ? createContentList(found) : undefined
    },
  }
}

function compileRedaction(redaction: ContentRule['redact'][number]): Redaction {
  if (typeof redaction === 'string') return { name: redaction, find: builtinFinder(redaction satisfies BuiltinName) }
  const find = compilePattern(redaction.pattern)
  // a pattern that nobody checked finds everything: rather too little recorded than too much
  return { name: redaction.name, find: typeof find === 'string' ? (text) => [{ start: 0, end: text.length }] : find }
}

/** What is wrong with the rules, with paths from the root of the file. */
export function findContentProblems(rules: readonly ContentRule[], agents: readonly string[]): Finding[] {
  return rules.flatMap((rule, at): Finding[] => {
    const path = ['audit', 'content', at] as const
    const found: Finding[] = []
    for (const [index, agent] of rule.agents.entries()) {
      if (agent === '*' || agents.includes(agent)) continue
      found.push({ path: [...path, 'agents', index], message: 'no agent has this name', hint: 'name one of agents' })
    }
    for (const [index, redaction] of rule.redact.entries()) {
      const problem = typeof redaction === 'string' ? undefined : compilePattern(redaction.pattern)
      if (typeof problem !== 'string') continue
      const hint = 'RE2 syntax: no look-around, no back-references'
      found.push({ path: [...path, 'redact', index, 'pattern'], message: `not a usable pattern: ${problem}`, hint })
    }
    if (rule.maxBytes > maxContentBytes)
      found.push({ path: [...path, 'maxBytes'], message: 'is more than a record holds', hint: 'at most 4MiB' })
    return found
  })
}

function takeContent(value: JsonValue | undefined, { rule, redactions }: Compiled): RecordedContent | undefined {
  if (value === undefined) return undefined
  const taker = new Taker(rule.maxBytes, redactions)
  const content = taker.take(value, '')
  return { content: content ?? null, ...(taker.isCut && { contentCut: true }) }
}

function createContentList({ rule, redactions }: Compiled): ContentList {
  const taker = new Taker(rule.maxBytes - 2, redactions)
  const content: JsonValue[] = []
  return {
    add(value) {
      const taken = taker.takeItem(value)
      if (taken !== undefined) content.push(taken)
    },
    get isFull() {
      return taker.isCut
    },
    taken: () => ({ content, ...(taker.isCut && { contentCut: true }) }),
  }
}

/** Copies values, redacted, while there is room. After the first cut nothing more is taken. */
class Taker {
  isCut = false
  #room: number
  readonly #redactions: readonly Redaction[]

  constructor(maxBytes: number, redactions: readonly Redaction[]) {
    this.#room = maxBytes
    this.#redactions = redactions
  }

  takeItem(value: JsonValue): JsonValue | undefined {
    return this.#pay(1) ? this.take(value, '') : undefined
  }

  /** `name` of the member that the value is of, '' for none */
  take(value: JsonValue, name: string): JsonValue | undefined {
    if (typeof value === 'string') return this.#takeText(value, name)
    if (typeof value !== 'object' || value === null) return this.#pay(String(value).length) ? value : undefined
    if (!this.#pay(2)) return undefined
    return Array.isArray(value) ? this.#takeList(value, name) : this.#takeObject(value)
  }

  #takeList(list: readonly JsonValue[], name: string): JsonValue[] {
    const copy: JsonValue[] = []
    for (const item of list) {
      const taken = this.#pay(1) ? this.take(item, name) : undefined
      if (taken !== undefined) copy.push(taken)
      if (this.isCut) break
    }
    return copy
  }

  #takeObject(object: JsonObject): JsonObject {
    const copy: [string, JsonValue][] = []
    for (const [name, member] of Object.entries(object)) {
      const taken = this.#pay(jsonBytes(name) + 2) ? this.take(member, name) : undefined
      if (taken !== undefined) copy.push([name, taken])
      if (this.isCut) break
    }
    // unlike an assignment, this makes a member of `__proto__` too
    return Object.fromEntries(copy)
  }

  #takeText(value: string, name: string): string | undefined {
    const limit = this.#room - 2
    if (limit < 0) return this.#stop()
    const isSecret = secretName.test(name) && secretValue.test(value) && this.#redactions.some(isToken)
    const redacted = isSecret ? { text: '[redacted:token]', isCut: false } : redactText(value, this.#redactions, limit)
    const text = cutText(redacted.text, limit)
    this.#room -= jsonBytes(text)
    if (redacted.isCut || text.length < redacted.text.length) this.#stop()
    return text
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

const isToken = ({ name }: Redaction): boolean => name === 'token'

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
