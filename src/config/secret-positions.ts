// Where references to secrets stand in a configuration. Read off the schema, so that a field which is added there is
// covered at once: checked when the file is loaded, and never printed.

import type { z } from 'zod'
import type { ConfigPath } from './problem.ts'
import { configSchema, secretReference } from './schema.ts'

let cached: ReadonlySet<string> | undefined

/** Paths with `*` for any list index. */
export function secretPositions(): readonly string[] {
  return [...positionSet()]
}

export function isSecretPosition(path: ConfigPath): boolean {
  return positionSet().has(path.map((step) => (typeof step === 'number' ? '*' : step)).join('.'))
}

function positionSet(): ReadonlySet<string> {
  return (cached ??= new Set(findPositions(configSchema, '')))
}

function findPositions(schema: z.core.$ZodType, path: string): string[] {
  // a description makes a copy of a schema with the same definition
  if (schema._zod.def === secretReference._zod.def) return [path]
  const { def } = (schema as z.core.$ZodTypes)._zod // the union of all there are, told apart by the type below
  switch (def.type) {
    case 'object':
      return Object.entries(def.shape).flatMap(([key, member]) =>
        findPositions(member, path === '' ? key : `${path}.${key}`),
      )
    case 'array':
      return findPositions(def.element, `${path}.*`)
    case 'record':
      return findPositions(def.valueType, `${path}.*`)
    case 'union':
      return def.options.flatMap((option) => findPositions(option, path))
    case 'pipe':
      return findPositions(def.in, path)
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
      return findPositions(def.innerType, path)
    default:
      return []
  }
}
