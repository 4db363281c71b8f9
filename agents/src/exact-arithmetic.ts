// Exact arithmetic on rational numbers: + - * / ^ ! and parentheses, nothing is ever rounded.
// It protects the worker from numbers that grow without end: every intermediate value has a bounded number of
// digits, checked before the costly step. What is not rational (functions, units, roots) it leaves to the caller.

import type { Fraction, MathJsInstance, MathNode } from 'mathjs'
import { Problem } from './problem.ts'

const maxDigits = 5000
const maxFactorial = 1000n
const limit = 10n ** BigInt(maxDigits)

export interface Step {
  readonly expression: string
  readonly value: string
}

/** Evaluates exactly, or returns undefined when the expression is not made of rational arithmetic alone. */
export function evaluateExactly(math: MathJsInstance, node: MathNode, steps: Step[]): Fraction | undefined {
  if (math.isParenthesisNode(node)) return evaluateExactly(math, node.content, steps)
  if (math.isConstantNode(node)) return constantOf(math, node.value)
  const operation = operationOf(math, node)
  if (operation === undefined) return undefined
  const values: Fraction[] = []
  for (const argument of operation.args) {
    const value = evaluateExactly(math, argument, steps)
    if (value === undefined) return undefined
    values.push(value)
  }
  const result = apply(math, operation.name, values)
  if (result === undefined) return undefined
  if (result.n > limit || result.d > limit) throw tooLarge()
  if (!operation.name.startsWith('unary')) steps.push({ expression: node.toString(), value: showFraction(result) })
  return result
}

function operationOf(math: MathJsInstance, node: MathNode): { name: string; args: readonly MathNode[] } | undefined {
  if (math.isOperatorNode(node)) return { name: node.fn, args: node.args }
  // Written as a function, a factorial would be rounded, and large ones would take their time.
  const isFactorial = math.isFunctionNode(node) && math.isSymbolNode(node.fn) && node.fn.name === 'factorial'
  return isFactorial && node.args.length === 1 ? { name: 'factorial', args: node.args } : undefined
}

/** `1/4` reads 0.25, `1/3` stays a fraction: the text is never an approximation. */
export function showFraction(value: Fraction): string {
  const sign = value.s < 0n ? '-' : ''
  if (value.d === 1n) return sign + value.n.toString()
  const places = decimalPlaces(value.d)
  if (places === undefined) return `${sign}${value.n}/${value.d}`
  const digits = ((value.n * 10n ** BigInt(places)) / value.d).toString().padStart(places + 1, '0')
  return `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}`
}

/** How many decimals write 1/d exactly; undefined when none do, or too many to read. */
function decimalPlaces(denominator: bigint): number | undefined {
  for (let places = 1, power = 10n; places <= 60; places++, power *= 10n) {
    if (power % denominator === 0n) return places
  }
  return undefined
}

function constantOf(math: MathJsInstance, value: unknown): Fraction | undefined {
  if (!math.isBigNumber(value) || !value.isFinite()) return undefined
  if (Math.abs(value.e) > maxDigits || value.precision() > maxDigits) throw tooLarge()
  return math.fraction(value.toFixed())
}

function apply(math: MathJsInstance, operation: string, values: readonly Fraction[]): Fraction | undefined {
  const [left, right] = values
  if (left === undefined) return undefined
  if (right === undefined) return applyUnary(math, operation, left)
  switch (operation) {
    case 'add':
      return left.add(right)
    case 'subtract':
      return left.sub(right)
    case 'multiply':
      return left.mul(right)
    case 'divide':
      if (right.n === 0n) throw new Problem('division by zero')
      return left.div(right)
    case 'pow':
      return raise(math, left, right)
    default:
      return undefined
  }
}

function applyUnary(math: MathJsInstance, operation: string, value: Fraction): Fraction | undefined {
  if (operation === 'unaryMinus') return value.neg()
  if (operation === 'unaryPlus') return value
  if (operation !== 'factorial') return undefined
  if (value.d !== 1n || value.s < 0n) throw new Problem('a factorial needs a whole number that is not negative')
  if (value.n > maxFactorial) throw new Problem(`a factorial is computed up to ${maxFactorial}`)
  let product = 1n
  for (let factor = 2n; factor <= value.n; factor++) product *= factor
  return math.fraction(product.toString())
}

function raise(math: MathJsInstance, base: Fraction, exponent: Fraction): Fraction | undefined {
  if (exponent.d !== 1n) return undefined
  if (base.n === 0n && exponent.s < 0n) throw new Problem('division by zero')
  // Zero, one and minus one stay small whatever the exponent; anything else grows by its digits each time.
  const unit = base.n <= 1n && base.d === 1n
  const digits = Math.max(digitsOf(base.n), digitsOf(base.d))
  if (!unit && digits * Number(exponent.n) > maxDigits) throw tooLarge()
  if (unit) return math.fraction(unitPower(base, exponent))
  const numerator = base.n ** exponent.n
  const denominator = base.d ** exponent.n
  const sign = base.s < 0n && exponent.n % 2n === 1n ? '-' : ''
  return exponent.s < 0n
    ? math.fraction(`${sign}${denominator}/${numerator}`)
    : math.fraction(`${sign}${numerator}/${denominator}`)
}

/** Decimal digits that a value adds to a product, never too few by more than one in all. */
function digitsOf(value: bigint): number {
  return value < 10n ** 15n ? Math.log10(Number(value)) : value.toString().length
}

function unitPower(base: Fraction, exponent: Fraction): string {
  if (exponent.n === 0n) return '1'
  if (base.n === 0n) return '0'
  return base.s < 0n && exponent.n % 2n === 1n ? '-1' : '1'
}

function tooLarge(): Problem {
  return new Problem(`a number would have more than ${maxDigits} digits`)
}
