// The safe scope of the calculator: which expressions may be evaluated at all.
// It lets through numbers, lists, units and the functions named here, and refuses everything it does not know:
// no property access, no strings, no assignment, no function definitions, no index, no object. It never evaluates.

import type { MathJsInstance, MathNode } from 'mathjs'
import { Problem } from './problem.ts'

export const maxExpressionLength = 2000
const maxNesting = 40
const maxNodes = 1500
const maxDepth = 300

const functions: ReadonlySet<string> = new Set(
  (
    'abs acos acosh asin asinh atan atan2 atanh cbrt ceil combinations cos cosh cross det dot exp factorial fix floor ' +
    'gcd hypot inv lcm log log10 log2 mad max mean median min mod mode multiply nthRoot permutations pow prod ' +
    'quantileSeq round sign sin sinh sqrt square std subtract sum tan tanh transpose variance add divide cube'
  ).split(' '),
)
const operators: ReadonlySet<string> = new Set(
  'add subtract multiply divide pow mod to unaryMinus unaryPlus factorial dotMultiply dotDivide dotPow'.split(' '),
)
const constants: ReadonlySet<string> = new Set(['pi', 'e', 'tau', 'phi', 'PI', 'E'])

/** Refuses text that could exhaust the parser before it is parsed. */
export function vetText(expression: string): void {
  if (expression.length > maxExpressionLength) {
    throw new Problem(`an expression may have at most ${maxExpressionLength} characters`)
  }
  let nesting = 0
  for (const character of expression) {
    if (character === '(' || character === '[') nesting++
    if (character === ')' || character === ']') nesting--
    if (nesting > maxNesting) throw new Problem(`brackets may nest at most ${maxNesting} deep`)
    if (character < ' ' && character !== '\t') throw new Problem('an expression holds no control characters')
  }
}

/** Refuses a parsed expression that holds anything outside the safe scope. */
export function vetNode(math: MathJsInstance, root: MathNode): void {
  let nodes = 0
  const visit = (node: MathNode, depth: number): void => {
    if (++nodes > maxNodes) throw new Problem('the expression has too many parts')
    if (depth > maxDepth) throw new Problem('the expression is nested too deeply')
    for (const child of childrenOf(math, node)) visit(child, depth + 1)
  }
  visit(root, 0)
}

function childrenOf(math: MathJsInstance, node: MathNode): readonly MathNode[] {
  if (math.isConstantNode(node)) {
    if (!math.isBigNumber(node.value)) throw new Problem('only numbers are allowed as values')
    return []
  }
  if (math.isSymbolNode(node)) {
    vetSymbol(math, node.name)
    return []
  }
  if (math.isParenthesisNode(node)) return [node.content]
  if (math.isArrayNode(node)) return node.items
  if (math.isOperatorNode(node)) {
    if (!operators.has(node.fn)) throw new Problem(`the operator ${node.op} is not available`)
    return node.args
  }
  if (math.isFunctionNode(node)) {
    // Asked of the called node itself: a FunctionNode also reports a name when it calls a property.
    if (!math.isSymbolNode(node.fn)) throw new Problem('only functions called by their name are available')
    if (!functions.has(node.fn.name)) throw new Problem(`the function ${quote(node.fn.name)} is not available`)
    return node.args
  }
  throw new Problem('only numbers, units, lists, operators and named functions are available')
}

function vetSymbol(math: MathJsInstance, name: string): void {
  if (constants.has(name)) return
  // A name that the library knows as something else would shadow the unit: not let through.
  if (!(name in math) && math.Unit.isValuelessUnit(name)) return
  throw new Problem(`${quote(name)} is neither a unit nor a constant known here`)
}

function quote(name: string): string {
  return `'${name.slice(0, 40)}'`
}
