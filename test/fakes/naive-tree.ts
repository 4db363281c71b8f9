// The tree of RFC 6962 word for word, as §2.1 defines it: the reference that our own is held to. It remembers what it
// has hashed, so that trees which share subtrees cost little; that is all that is clever about it.

import { hash } from 'node:crypto'

export interface NaiveTree {
  /** MTH(D[start:end]) */
  range(start: number, end: number): Buffer
  /** PATH(index, D[size]) */
  path(index: number, size: number): Buffer[]
  /** PROOF(old, D[size]) */
  proof(old: number, size: number): Buffer[]
}

export function naiveTree(leaf: (index: number) => Buffer): NaiveTree {
  const known = new Map<number, Buffer>()
  const split = (start: number, end: number): number => start + 2 ** Math.ceil(Math.log2(end - start) - 1)
  const compute = (start: number, end: number): Buffer => {
    if (start === end) return hash('sha256', '', 'buffer')
    if (end - start === 1) return leaf(start)
    const middle = split(start, end)
    return hash('sha256', Buffer.concat([Buffer.of(1), range(start, middle), range(middle, end)]), 'buffer')
  }
  const range = (start: number, end: number): Buffer => {
    const key = start * 2 ** 24 + end
    const found = known.get(key) ?? compute(start, end)
    known.set(key, found)
    return found
  }
  const path = (index: number, start: number, end: number): Buffer[] => {
    if (end - start === 1) return []
    const middle = split(start, end)
    return index < middle
      ? [...path(index, start, middle), range(middle, end)]
      : [...path(index, middle, end), range(start, middle)]
  }
  const proof = (old: number, start: number, end: number, isWhole: boolean): Buffer[] => {
    if (old === end) return isWhole ? [] : [range(start, end)]
    const middle = split(start, end)
    return old <= middle
      ? [...proof(old, start, middle, isWhole), range(middle, end)]
      : [...proof(old, middle, end, false), range(start, middle)]
  }
  return {
    range,
    path: (index, size) => path(index, 0, size),
    proof: (old, size) => proof(old, 0, size, true),
  }
}
