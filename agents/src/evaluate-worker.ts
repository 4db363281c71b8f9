// The thread that evaluates one expression at a time, apart from the agent: what hangs or exhausts memory here
// is ended from outside (evaluator.ts) and costs the agent nothing. It holds no secret and no environment.
// It never evaluates what vet-expression.ts has not let through, and never shows a library's error text.

import { createRequire } from 'node:module'
import { parentPort } from 'node:worker_threads'
import type { Fraction, MathJsInstance, MathNode } from 'mathjs'
import { evaluateExactly, showFraction, type Step } from './exact-arithmetic.ts'
import { Problem } from './problem.ts'
import { vetNode, vetText } from './vet-expression.ts'

export interface Calculation {
  readonly kind: 'calculation'
  readonly steps: readonly Step[]
  readonly value: string
  /** a decimal beside a value that no finite decimal writes exactly; '' otherwise */
  readonly approximation: string
  readonly exact: boolean
}
export interface Failed {
  readonly kind: 'failed'
  readonly problem: string
}
export interface Reply {
  readonly outcome: Calculation | Failed
  /** the library was left in a state that could spoil the next answer: use a fresh thread */
  readonly spent: boolean
}

const maxSteps = 12
const maxStepLength = 200
const maxAnswerLength = 10_000

// The one-file build of the same package loads in a sixth of the time of its thousand modules. It has no types
// of its own, hence the assertion, and is a ready instance, which nobody shares with this thread.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the build of the package whose types these are
const math = createRequire(import.meta.url)('mathjs/lib/browser/math.js') as MathJsInstance
const precision = 64
math.config({ number: 'BigNumber', precision })
const { parse } = math
const third = math.bignumber(1).div(3)
const { Unit } = math
closeScope()

/**
 * A second lock behind the vetting: what could reach the library's own machinery answers with a refusal.
 * `config` is not among the names an expression can call; replacing it would unset the configuration itself.
 */
function closeScope(): void {
  const names = 'import createUnit evaluate parse compile parser simplify derivative resolve rationalize reviver'
  math.import(Object.fromEntries(names.split(' ').map((name) => [name, refuse])), { override: true })
}

function refuse(): never {
  throw new Problem('this function is not available')
}

function calculate(expression: string): Calculation | Failed {
  try {
    vetText(expression)
    const node = parseExpression(expression)
    vetNode(math, node)
    const steps: Step[] = []
    const exact = evaluateExactly(math, node, steps)
    return exact === undefined ? calculateRounded(node) : answerExactly(exact, steps)
  } catch (error) {
    return { kind: 'failed', problem: error instanceof Problem ? error.message : 'the expression has no answer' }
  }
}

function parseExpression(expression: string): MathNode {
  try {
    return parse(expression)
  } catch {
    // The parser's own text repeats what was sent; ours is enough.
    throw new Problem('the expression cannot be read')
  }
}

function answerExactly(result: Fraction, steps: readonly Step[]): Calculation {
  const value = showFraction(result)
  const approximation = value.includes('/') ? approximate(result) : ''
  return { kind: 'calculation', steps: trimSteps(steps), value, approximation, exact: true }
}

function approximate(value: Fraction): string {
  const numerator = math.bignumber(value.n.toString())
  const quotient = numerator.div(math.bignumber(value.d.toString()))
  return `${value.s < 0n ? '-' : ''}${math.format(quotient, { precision: 15 })}`
}

/** Units, roots, logarithms, statistics: 64 significant digits inside, fewer shown. */
function calculateRounded(node: MathNode): Calculation {
  const steps: Step[] = []
  for (const part of stepsOf(node)) {
    const partValue = show(part.evaluate())
    steps.push({ expression: part.toString(), value: partValue })
  }
  return { kind: 'calculation', steps: trimSteps(steps), value: show(node.evaluate()), approximation: '', exact: false }
}

/** The parts worth showing, innermost first; none when there are too many to be worth their time. */
function stepsOf(root: MathNode): readonly MathNode[] {
  const parts: MathNode[] = []
  const visit = (node: MathNode): void => {
    node.forEach((child) => visit(child))
    const isQuantity = math.isOperatorNode(node) && (node.implicit || node.isUnary())
    if ((math.isOperatorNode(node) && !isQuantity) || math.isFunctionNode(node)) parts.push(node)
  }
  visit(root)
  return parts.length > maxSteps ? [] : parts
}

function show(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'function') throw new Problem('there is no answer')
  const text = math.format(value, { precision: isUnit(value) ? 15 : 32, lowerExp: -12, upperExp: 40 })
  if (text.length > maxAnswerLength) throw new Problem('the answer is too long to show')
  if (/\b(NaN|Infinity)\b/.test(text)) throw new Problem('the answer is not a finite number')
  return text
}

function isUnit(value: unknown): boolean {
  return value instanceof Unit
}

function trimSteps(steps: readonly Step[]): readonly Step[] {
  return steps.slice(-maxSteps).map((step) => ({ expression: trim(step.expression), value: trim(step.value) }))
}

/**
 * A function of the decimal library that throws half way leaves its precision, or its rounding, switched:
 * the next caller would get a wrong answer or none. Both show in the digits of a product.
 */
function isSpent(): boolean {
  return third.times(third).precision() !== precision
}

function trim(text: string): string {
  return text.length > maxStepLength ? `${text.slice(0, maxStepLength)}…` : text
}

parentPort?.on('message', (expression: string) => {
  const reply: Reply = { outcome: calculate(expression), spent: isSpent() }
  parentPort?.postMessage(reply, [])
})
parentPort?.postMessage('ready', [])
