// How positions of A2A are written down as data: the kinds of fields that the schemas of every version are made of.

import type { FieldSpec, Shape } from './check-shape.ts'

export const string: FieldSpec = { kind: 'string' }
export const strings: FieldSpec = { kind: 'string', repeated: true }
export const id: FieldSpec = { kind: 'identifier' }
export const requiredId: FieldSpec = { kind: 'identifier', required: true }
export const ids: FieldSpec = { kind: 'identifier', repeated: true }
export const boolean: FieldSpec = { kind: 'boolean' }
export const count: FieldSpec = { kind: 'count' }
export const struct: FieldSpec = { kind: 'struct' }
export const one = (shape: Shape): FieldSpec => ({ kind: 'object', shape })
export const oneRequired = (shape: Shape): FieldSpec => ({ kind: 'object', shape, required: true })
export const many = (shape: Shape): FieldSpec => ({ kind: 'object', shape, repeated: true })
export const manyRequired = (shape: Shape): FieldSpec => ({ kind: 'object', shape, repeated: true, required: true })
export const choice = (shape: Shape): FieldSpec => ({ kind: 'object', shape, union: true })
