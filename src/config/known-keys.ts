// Which keys the schema knows at a place: for suggestions in errors. Built on the first error, never on the way of a
// call.

import { z } from 'zod'
import { configSchema } from './schema.ts'
import type { ConfigPath } from './problem.ts'

/** The part of JSON Schema that the generator produces and that we read. */
export interface SchemaNode {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly oneOf?: readonly SchemaNode[]
}

let cached: SchemaNode | undefined

/** JSON Schema (2020-12) of what may be written into the file. */
export function configJsonSchema(): SchemaNode {
  // The cast: zod's output type is open; we read only members that are checked where they are used.
  cached ??= z.toJSONSchema(configSchema, { io: 'input', override: restoreDefault }) as SchemaNode
  return cached
}

/** zod leaves out the default of a list whose items are transformed; ours are the same before and after: empty. */
function restoreDefault({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes
  jsonSchema: z.core.JSONSchema.BaseSchema
}): void {
  const { def } = zodSchema._zod
  if (def.type === 'default' && jsonSchema.default === undefined && Array.isArray(def.defaultValue))
    jsonSchema.default = []
}

export function knownKeys(path: ConfigPath): string[] {
  let nodes: SchemaNode[] = [configJsonSchema()]
  for (const step of path) {
    nodes = nodes.flatMap(alternatives).flatMap((node) => {
      if (typeof step === 'number') return node.items ?? []
      return node.properties !== undefined && Object.hasOwn(node.properties, step) ? (node.properties[step] ?? []) : []
    })
  }
  return nodes.flatMap(alternatives).flatMap((node) => Object.keys(node.properties ?? {}))
}

function alternatives(node: SchemaNode): SchemaNode[] {
  return [node, ...(node.anyOf ?? []), ...(node.oneOf ?? [])]
}
