// Turns a type-checked CEL expression into closures. What CEL leaves out, this evaluates: both sides of && and
// ||, both branches of ?:, every element of all() and exists(). So an error anywhere surfaces, and a condition
// cannot be written that hides one. Cost is bounded when loaded (nesting) and when run (the frame's budget).

import type { ASTNode } from '@marcbachmann/cel-js'
import { findFunction, findMethod, findPreparer } from './condition-functions.ts'
import {
  add,
  asBool,
  asInt,
  asList,
  asRecord,
  compare,
  type Evaluate,
  exact,
  fail,
  type Frame,
  isEqual,
  NotRecorded,
  type Value,
} from './condition-value.ts'

/** Something wrong with a condition as written, and where. */
export class PlacedError extends Error {
  readonly hint: string
  readonly start: number

  constructor(message: string, hint: string, start: number) {
    super(message)
    this.hint = hint
    this.start = start
  }
}

interface Scope {
  /** variables of the enclosing loops; the index is the slot in Frame.locals */
  readonly locals: readonly string[]
  readonly globals: readonly string[]
  /** gathers the keys of message.metadata that are read */
  readonly metadataKeys: Set<string>
}

/** Loops within loops multiply. */
const maxNesting = 2 // bound: nested loops in a condition

export function compileExpression(ast: ASTNode, globals: readonly string[], metadataKeys: Set<string>): Evaluate {
  return compile(ast, { locals: [], globals, metadataKeys })
}

function compile(ast: ASTNode, scope: Scope): Evaluate {
  switch (ast.op) {
    case 'value':
      return compileLiteral(ast)
    case 'id':
      return compileName(ast.args, scope, ast)
    case '.':
      return compileMember(ast.args[0], ast.args[1], ast, scope)
    case '[]':
      return compileIndex(ast.args[0], ast.args[1], ast, scope)
    case 'call':
      return compileCall(ast, ast.args[0], ast.args[1], scope)
    case 'rcall':
      return compileMethod(ast, ast.args, scope)
    case 'list':
      return compileList(ast.args.map((item) => compile(item, scope)))
    case '?:':
      return compileTernary(compile(ast.args[0], scope), compile(ast.args[1], scope), compile(ast.args[2], scope))
    case '&&':
    case '||':
      return compileLogical(ast.op, compile(ast.args[0], scope), compile(ast.args[1], scope))
    case '!_':
    case '-_':
      return compileUnary(ast.op, compile(ast.args, scope))
    case 'map':
    case '.?':
    case '[?]':
      throw unavailable(ast, ast.op === 'map' ? 'a map literal' : 'optional access')
    default:
      return compileBinary(ast.op, compile(ast.args[0], scope), compile(ast.args[1], scope))
  }
}

function compileLiteral(ast: Extract<ASTNode, { op: 'value' }>): Evaluate {
  const value = ast.args
  if (typeof value === 'string' || typeof value === 'boolean') return () => value
  if (typeof value !== 'bigint') throw unavailable(ast, 'a double, uint, bytes or null literal')
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new PlacedError('the number is too large', 'use at most 2^53 - 1', ast.start)
  return () => number
}

function compileName(name: string, scope: Scope, ast: ASTNode): Evaluate {
  const slot = scope.locals.indexOf(name)
  if (slot >= 0) return (frame) => frame.locals[slot] ?? fail('a loop has no element')
  if (!scope.globals.includes(name)) throw unavailable(ast, `the name ${name}`)
  return (frame) => frame.variables[name] ?? fail(`no variable ${name}`)
}

function compileField(record: Evaluate, field: string): Evaluate {
  return (frame) => {
    const value = asRecord(record(frame))
    if (!Object.hasOwn(value, field)) return fail(`no such field: ${field}`)
    return value[field] ?? fail(`no such field: ${field}`)
  }
}

/** A field of a record; of metadata, which is the only map there is, the value of a key. */
function compileMember(target: ASTNode, field: string, ast: ASTNode, scope: Scope): Evaluate {
  const message = messageOf(target)
  if (message !== undefined) {
    scope.metadataKeys.add(field)
    return compileMetadata(compile(message, scope), field)
  }
  if (field === metadata) throw unkeyed(ast)
  return compileField(compile(target, scope), field)
}

/** No other record has a field of this name. */
const metadata = 'metadata'

/** Of `MESSAGE.metadata`, in either spelling, the message. */
function messageOf(ast: ASTNode): ASTNode | undefined {
  if (ast.op === '.') return ast.args[1] === metadata ? ast.args[0] : undefined
  if (ast.op !== '[]') return undefined
  const [target, index] = ast.args
  return index.op === 'value' && index.args === metadata ? target : undefined
}

function unkeyed(ast: ASTNode): PlacedError {
  const hint = 'write message.metadata["key"], which is "" where there is no such key; message.metadataKeys lists keys'
  return new PlacedError('metadata is read by a key in quotes', hint, ast.start)
}

/**
 * Values are the caller's words, so only those that policy names are ever copied. A key that is not there reads as
 * ""; a value that is no short scalar errs, or a list around a word would slip past what is said of the word.
 */
function compileMetadata(message: Evaluate, key: string): Evaluate {
  return (frame) => {
    const { metadata: values, metadataKeys } = asRecord(message(frame))
    const value =
      values === undefined ? undefined : Object.hasOwn(asRecord(values), key) ? asRecord(values)[key] : undefined
    if (typeof value === 'string') return value
    if (value !== undefined) return fail(`the metadata ${key} is no short text, bool or whole number`)
    const keys = asList(metadataKeys)
    frame.spend(1 + (keys.length >> 2))
    if (keys.includes(key)) throw new NotRecorded(`the metadata ${key} was not recorded`)
    return ''
  }
}

function compileIndex(target: ASTNode, index: ASTNode, ast: ASTNode, scope: Scope): Evaluate {
  if (index.op === 'value' && typeof index.args === 'string') return compileMember(target, index.args, ast, scope)
  if (messageOf(target) !== undefined) throw unkeyed(index)
  const list = compile(target, scope)
  const position = compile(index, scope)
  return (frame) => {
    const items = asList(list(frame))
    const at = asInt(position(frame))
    return items[at] ?? fail(`index ${at} is out of bounds`)
  }
}

function compileList(items: readonly Evaluate[]): Evaluate {
  return (frame) => items.map((item) => item(frame))
}

function compileTernary(condition: Evaluate, yes: Evaluate, no: Evaluate): Evaluate {
  return (frame) => {
    const isYes = asBool(condition(frame))
    const left = yes(frame)
    const right = no(frame)
    return isYes ? left : right
  }
}

function compileLogical(op: '&&' | '||', left: Evaluate, right: Evaluate): Evaluate {
  const isAnd = op === '&&'
  return (frame) => {
    const first = asBool(left(frame))
    const second = asBool(right(frame))
    return isAnd ? first && second : first || second
  }
}

function compileUnary(op: '!_' | '-_', operand: Evaluate): Evaluate {
  return op === '!_' ? (frame) => !asBool(operand(frame)) : (frame) => exact(-asInt(operand(frame)))
}

function compileBinary(op: string, left: Evaluate, right: Evaluate): Evaluate {
  switch (op) {
    case '==':
      return (frame) => isEqual(left(frame), right(frame), frame)
    case '!=':
      return (frame) => !isEqual(left(frame), right(frame), frame)
    case 'in':
      return (frame) => isIn(left(frame), asList(right(frame)), frame)
    case '<':
      return (frame) => compare(left(frame), right(frame), frame) < 0
    case '<=':
      return (frame) => compare(left(frame), right(frame), frame) <= 0
    case '>':
      return (frame) => compare(left(frame), right(frame), frame) > 0
    case '>=':
      return (frame) => compare(left(frame), right(frame), frame) >= 0
    case '+':
      return (frame) => add(left(frame), right(frame), frame)
    default:
      return compileArithmetic(op, left, right)
  }
}

function isIn(wanted: Value, list: readonly Value[], frame: Frame): boolean {
  let found = false
  for (const item of list) found = isEqual(wanted, item, frame) || found
  return found
}

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  // Subtracting the remainder first keeps the quotient exact; CEL rounds towards zero.
  '/': (a, b) => (b === 0 ? fail('division by zero') : (a - (a % b)) / b),
  '%': (a, b) => (b === 0 ? fail('division by zero') : a % b),
}

function compileArithmetic(op: string, left: Evaluate, right: Evaluate): Evaluate {
  const apply = arithmetic[op]
  if (apply === undefined) throw new PlacedError(`the operator ${op} cannot be used in a condition`, '', 0)
  return (frame) => exact(apply(asInt(left(frame)), asInt(right(frame))))
}

function compileCall(ast: ASTNode, name: string, args: readonly ASTNode[], scope: Scope): Evaluate {
  if (name === 'has') {
    const hint = 'every field is always there, empty when the call has none: compare it with ""'
    throw new PlacedError('has() cannot be used in a condition', hint, ast.start)
  }
  const apply = findFunction(name, args.length)
  const argument = args[0]
  if (apply === undefined || argument === undefined) throw unavailable(ast, `the function ${name}()`)
  const value = compile(argument, scope)
  return (frame) => apply(frame, value(frame))
}

function compileMethod(ast: ASTNode, parts: readonly [string, ASTNode, readonly ASTNode[]], scope: Scope): Evaluate {
  const [name, receiver, args] = parts
  if (isLoop(name)) return compileLoop(name, ast, receiver, args, scope)
  const target = compile(receiver, scope)
  const prepare = findPreparer(name, args.length)
  if (prepare !== undefined) return compilePrepared(name, prepare, target, args[0] ?? ast)
  const apply = findMethod(name, args.length)
  if (apply === undefined) throw unavailable(ast, `the method ${name}()`)
  const [first, second] = args.map((arg) => compile(arg, scope))
  if (first === undefined) return (frame) => apply(frame, target(frame))
  if (second === undefined) return (frame) => apply(frame, target(frame), first(frame))
  return (frame) => apply(frame, target(frame), first(frame), second(frame))
}

/** Patterns, networks and zones are literals: nobody who calls can bring one. */
function compilePrepared(
  name: string,
  prepare: NonNullable<ReturnType<typeof findPreparer>>,
  target: Evaluate,
  argument: ASTNode,
): Evaluate {
  if (argument.op !== 'value' || typeof argument.args !== 'string') {
    throw new PlacedError(`${name}() needs a literal argument`, 'write the text in quotes', argument.start)
  }
  const apply = prepare(argument.args)
  if (typeof apply === 'string') throw new PlacedError(apply, '', argument.start)
  return (frame) => apply(frame, target(frame))
}

type Loop = 'all' | 'exists' | 'exists_one' | 'filter' | 'map'

function isLoop(name: string): name is Loop {
  return name === 'all' || name === 'exists' || name === 'exists_one' || name === 'filter' || name === 'map'
}

type Each = (frame: Frame, visit: (item: Value, results: readonly Value[]) => void) => void

/** Every element is looked at, also when the answer is known: an error in a later one must surface. */
function compileLoop(name: Loop, ast: ASTNode, receiver: ASTNode, args: readonly ASTNode[], scope: Scope): Evaluate {
  const [variable, ...bodies] = args
  if (variable?.op !== 'id' || bodies.length === 0) throw unavailable(ast, `this form of ${name}()`)
  const slot = scope.locals.length
  if (slot >= maxNesting)
    throw new PlacedError(`loops may be nested ${maxNesting} deep`, 'split the condition', ast.start)
  if (scope.globals.includes(variable.args) || scope.locals.includes(variable.args)) {
    throw new PlacedError(`the name ${variable.args} is taken`, 'choose another loop variable', variable.start)
  }
  const list = compile(receiver, scope)
  const inner: Scope = { ...scope, locals: [...scope.locals, variable.args] }
  const compiled = bodies.map((body) => compile(body, inner))
  const cost = bodies.reduce((sum, body) => sum + countNodes(body), 1)
  const each: Each = (frame, visit) => {
    for (const item of asList(list(frame))) {
      frame.spend(cost)
      frame.locals[slot] = item
      visit(
        item,
        compiled.map((body) => body(frame)),
      )
    }
  }
  return name === 'filter' || name === 'map' ? collect(name, each) : quantify(name, each)
}

function collect(name: 'filter' | 'map', each: Each): Evaluate {
  return (frame) => {
    const kept: Value[] = []
    each(frame, (item, results) => {
      const last = results.at(-1) ?? fail('a loop has no body')
      // map(x, filter, transform) evaluates its transform also where the filter drops the result.
      const isKept = name === 'filter' ? asBool(last) : results.length === 1 || asBool(results[0])
      if (isKept) kept.push(name === 'filter' ? item : last)
    })
    return kept
  }
}

function quantify(name: 'all' | 'exists' | 'exists_one', each: Each): Evaluate {
  return (frame) => {
    let total = 0
    let held = 0
    each(frame, (_item, results) => {
      total++
      if (asBool(results[0])) held++
    })
    return name === 'all' ? held === total : name === 'exists' ? held > 0 : held === 1
  }
}

/** Nodes below and with this one; `args` of a node is a node, a literal, or a list of either. */
function countNodes(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item: unknown) => sum + countNodes(item), 0)
  if (typeof value !== 'object' || value === null || !('op' in value) || !('args' in value)) return 0
  return 1 + countNodes(value.args)
}

function unavailable(ast: ASTNode, what: string): PlacedError {
  return new PlacedError(`${what} cannot be used in a condition`, '', ast.start)
}
