// What of a message is recorded: nothing, unless a rule of the configuration names the agent. Then every text in it is
// redacted first (see take-content.ts), and what is longer than the rule allows is cut where JSON can be cut, and
// marked. Memory and time are bounded by the rule, not by who sends.

import type { Clock } from '../base/clock.ts'
import type { JsonValue } from '../base/strict-json.ts'
import { contentRuleOf, type ContentRule, type Finding } from '../config/config.ts'
import { builtinFinder, compilePattern, type BuiltinName, type Redaction } from './redact.ts'
import { ContentTaker } from './take-content.ts'

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
  readonly clock: Clock
}

const maxContentBytes = 4_194_304 // bound: content of one record

/** The first rule that names an agent is the one for it. The rules were checked: see findContentProblems. */
export function compileContentRules(rules: readonly ContentRule[], clock: Clock): ContentRules {
  const compiled = new Map(rules.map((rule) => [rule, { rule, redactions: rule.redact.map(compileRedaction), clock }]))
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

function takeContent(value: JsonValue | undefined, { rule, redactions, clock }: Compiled): RecordedContent | undefined {
  if (value === undefined) return undefined
  const taker = new ContentTaker(rule.maxBytes, redactions, clock)
  const content = taker.take(value)
  return { content: content ?? null, ...(taker.isCut && { contentCut: true }) }
}

function createContentList({ rule, redactions, clock }: Compiled): ContentList {
  const taker = new ContentTaker(rule.maxBytes - 2, redactions, clock)
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
