// The values a condition works on, and the frame of one decision: variables, loop elements and a budget. Every
// conversion is checked at run time too: types were proven when the condition was loaded, but a recorded input
// may come from elsewhere.

import type { Operation } from '../a2a/operations.ts'
import type { PolicyInput } from './policy-input.ts'

export type Value = string | number | boolean | Date | readonly Value[] | ValueRecord
export interface ValueRecord {
  readonly [field: string]: Value | undefined
}
export type Evaluate = (frame: Frame) => Value

/** A condition speaks of something that was there, and that the record of this call does not hold. */
export class NotRecorded extends Error {}

/** About 10 ns a unit: no decision may cost more than some 10 ms, whatever is sent. */
const budget = 1_000_000 // bound: cost of a decision

export class Frame {
  /** elements of the loops being run, outermost first */
  readonly locals: Value[] = []
  readonly variables: ValueRecord
  left: number = budget

  constructor(input: PolicyInput, operation: Operation, task: PolicyInput['task']) {
    const { caller, origin, chain, agent, inlinePush } = input
    // What follows from the rest is not recorded: inputs from before a variable was there have it as well.
    const hops = chain.length === 0 ? nobody : chain.map((id, at) => ({ id, groups: input.chainGroups[at] ?? nobody }))
    let size = 0
    for (const part of input.message.parts) size += part.size
    const message = { ...input.message, size }
    const request = { ...input.request, time: new Date(input.request.timeMs) }
    const variables: unknown = { caller, origin, chain, hops, agent, operation, message, request, inlinePush, task }
    // PolicyInput is JSON by construction; interfaces of the exchange have no index signature to say so.
    this.variables = variables as ValueRecord
  }

  spend(units: number): void {
    this.left -= units
    if (this.left < 0) fail('the condition costs too much for this call')
  }

  /** Reading a string costs by its length. */
  payFor(text: string): void {
    this.spend(1 + (text.length >> 3))
  }
}

const nobody: readonly never[] = Object.freeze([])

export function fail(message: string): never {
  throw new Error(message)
}

export function asBool(value: Value | undefined): boolean {
  return typeof value === 'boolean' ? value : fail('expected a bool')
}

export function asInt(value: Value | undefined): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : fail('expected an int')
}

export function asString(value: Value | undefined): string {
  return typeof value === 'string' ? value : fail('expected a string')
}

export function asTime(value: Value | undefined): Date {
  return value instanceof Date ? value : fail('expected a timestamp')
}

export function asList(value: Value | undefined): readonly Value[] {
  return isList(value) ? value : fail('expected a list')
}

export function asRecord(value: Value | undefined): ValueRecord {
  const isRecord = typeof value === 'object' && !isList(value) && !(value instanceof Date)
  return isRecord ? value : fail('expected a record')
}

export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value)
}

/** A result that left the exact integers is an error, never a rounding; there is no negative zero. */
export function exact(value: number): number {
  if (!Number.isSafeInteger(value)) return fail('integer overflow')
  return value === 0 ? 0 : value
}

export function isEqual(left: Value, right: Value, frame: Frame): boolean {
  if (isList(left)) return areListsEqual(left, asList(right), frame)
  if (left instanceof Date) return left.getTime() === asTime(right).getTime()
  if (typeof left === 'string') {
    const other = asString(right)
    frame.spend(1 + (Math.min(left.length, other.length) >> 6))
    return left === other
  }
  return typeof left === 'number' ? left === asInt(right) : asBool(left) === asBool(right)
}

function areListsEqual(left: readonly Value[], right: readonly Value[], frame: Frame): boolean {
  frame.spend(1 + left.length)
  if (left.length !== right.length) return false
  let same = true
  for (const [index, item] of left.entries()) same = isEqual(item, right[index] ?? fail('lists differ'), frame) && same
  return same
}

/** Negative, zero or positive, as in sorting. */
export function compare(left: Value, right: Value, frame: Frame): number {
  if (typeof left === 'string') {
    const other = asString(right)
    frame.spend(1 + (Math.min(left.length, other.length) >> 6))
    return left < other ? -1 : left > other ? 1 : 0
  }
  if (typeof left === 'boolean') return Number(left) - Number(asBool(right))
  if (left instanceof Date) return left.getTime() - asTime(right).getTime()
  return asInt(left) - asInt(right)
}

export function add(left: Value, right: Value, frame: Frame): Value {
  if (typeof left === 'string') {
    const other = asString(right)
    frame.spend(1 + ((left.length + other.length) >> 3))
    return left + other
  }
  if (isList(left)) {
    const other = asList(right)
    frame.spend(1 + left.length + other.length)
    return [...left, ...other]
  }
  return exact(asInt(left) + asInt(right))
}
