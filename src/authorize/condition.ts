// Conditions (CEL) are parsed and type-checked when policy is loaded: a misspelt field never waits for the first
// call. The library parses and checks types; evaluation is ours (condition-code.ts), because CEL absorbs errors
// that must surface here (design: "At run time an erroring deny denies and an erroring allow does not match").

import { type ASTNode, Environment, ParseError, TypeError as CheckError } from '@marcbachmann/cel-js'
import { compileExpression, PlacedError } from './condition-code.ts'
import type { Evaluate, Frame } from './condition-value.ts'

export interface Condition {
  readonly source: string
  readonly evaluate: Evaluate
  /** keys of message.metadata that it reads */
  readonly metadataKeys: ReadonlySet<string>
}

export interface ConditionProblem {
  readonly message: string
  readonly hint: string
  /** both from 1, within the condition */
  readonly line: number
  readonly column: number
}

export type ConditionResult =
  | { readonly ok: true; readonly condition: Condition }
  | { readonly ok: false; readonly problem: ConditionProblem }

const records: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Caller: { id: 'string', method: 'string', groups: 'list<string>', display: 'string' },
  Origin: { id: 'string', groups: 'list<string>', display: 'string' },
  Agent: { name: 'string' },
  Hop: { id: 'string', groups: 'list<string>' },
  Part: { kind: 'string', size: 'int', mediaType: 'string', filename: 'string', host: 'string' },
  Message: {
    messageId: 'string',
    taskId: 'string',
    contextId: 'string',
    role: 'string',
    parts: 'list<Part>',
    size: 'int',
    referenceTaskIds: 'list<string>',
    extensions: 'list<string>',
    metadataKeys: 'list<string>',
    metadata: 'map<string, string>',
  },
  Request: {
    binding: 'string',
    version: 'string',
    source: 'string',
    timeMs: 'int',
    time: 'google.protobuf.Timestamp',
  },
  Task: { known: 'bool', owner: 'string' },
}

const variables: Readonly<Record<string, string>> = {
  caller: 'Caller',
  origin: 'Origin',
  chain: 'list<string>',
  hops: 'list<Hop>',
  agent: 'Agent',
  operation: 'string',
  message: 'Message',
  request: 'Request',
  inlinePush: 'bool',
  task: 'Task',
}

const limits = {
  maxAstNodes: 1000, // bound: nodes of a condition
  maxDepth: 64, // bound: nesting in a condition
  maxListElements: 500, // bound: members of a list in a condition
}

/** Made at the first condition, not on import; shared by all, as nothing in it changes afterwards. */
let shared: Environment | undefined

function environment(): Environment {
  if (shared !== undefined) return shared
  const made = new Environment({ limits })
  for (const [name, fields] of Object.entries(records)) made.registerType(name, { fields: { ...fields } })
  for (const [name, type] of Object.entries(variables)) made.registerVariable(name, type)
  // For the checker only: what runs is condition-functions.ts.
  made.registerFunction('string.inNetwork(string): bool', () => false)
  return (shared = made)
}

/** Parses, checks and compiles one condition. Never throws for what is written in it. */
export function compileCondition(source: string): ConditionResult {
  try {
    const parsed = environment().parse(source)
    const checked = parsed.check()
    if (!checked.valid) throw checked.error ?? new PlacedError('the condition has no valid type', '', 0)
    if (checked.type !== 'bool') {
      throw new PlacedError(`a condition must be bool, this is ${checked.type}`, 'compare it with something', 0)
    }
    const ast: ASTNode = parsed.ast
    const metadataKeys = new Set<string>()
    const evaluate = compileExpression(ast, Object.keys(variables), metadataKeys)
    return { ok: true, condition: { source, evaluate, metadataKeys } }
  } catch (error) {
    return { ok: false, problem: problemOf(error, source) }
  }
}

/** True or false; throws when any part of the condition errs, or when it costs more than the frame has left. */
export function isMet(condition: Condition, frame: Frame): boolean {
  const value = condition.evaluate(frame)
  if (typeof value !== 'boolean') throw new Error('the condition is not a bool')
  return value
}

const generalHint = 'see docs/policy.md for the variables and functions of conditions'

function problemOf(error: unknown, source: string): ConditionProblem {
  if (error instanceof PlacedError) {
    return { message: error.message, hint: error.hint || generalHint, ...placeOf(source, error.start) }
  }
  // The library's own errors carry a range, and a summary without the drawn excerpt. Anything else it throws
  // (its parser recurses) is a condition we could not read.
  const isOwn = error instanceof ParseError || error instanceof CheckError
  const text = isOwn ? error.summary : error instanceof Error ? error.message : 'not an expression'
  const start = isOwn ? (error.range?.start ?? 0) : 0
  return { message: text.charAt(0).toLowerCase() + text.slice(1), hint: hintFor(text), ...placeOf(source, start) }
}

function hintFor(text: string): string {
  if (text.startsWith('Unknown variable')) return `variables: ${Object.keys(variables).join(', ')}`
  const key = /^No such key: (\w+)/.exec(text)?.[1]
  if (key === undefined) return generalHint
  const fields = new Set(Object.values(records).flatMap((fieldTypes) => Object.keys(fieldTypes)))
  return `fields: ${[...fields].join(', ')}`
}

function placeOf(source: string, start: number): { line: number; column: number } {
  const before = source.slice(0, start).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}
