// What runs, in the form in which it is written: units as text, references as references, every default filled in
// and marked as such. For people and for `config show`; the program itself reads the parsed configuration.

import { isMap, isPair, isScalar, isSeq, Document } from 'yaml'
import type { Node } from 'yaml'
import { configJsonSchema } from './known-keys.ts'
import type { SchemaNode } from './known-keys.ts'
import type { LoadedConfig } from './load-config.ts'
import { formatPath } from './problem.ts'
import type { ConfigPath } from './problem.ts'
import { digestOf } from './snapshot.ts'

export interface EffectiveConfig {
  /** the digest that records name */
  readonly digest: string
  readonly file: string
  readonly config: unknown
  /** path of each value → where it came from; present when defaults were asked for */
  readonly sources?: Readonly<Record<string, 'file' | 'default'>>
}

export function effectiveConfig(loaded: LoadedConfig, options: { withDefaults: boolean }): EffectiveConfig {
  const digest = digestOf(loaded.config)
  if (!options.withDefaults) return { digest, file: loaded.file, config: loaded.input }
  const sources: Record<string, 'file' | 'default'> = {}
  const config = fill(configJsonSchema(), loaded.input, [], sources)
  return { digest, file: loaded.file, config, sources }
}

/** YAML; values that came from defaults say so in a comment. */
export function formatEffective(shown: EffectiveConfig): string {
  const document = new Document(shown.config)
  document.commentBefore = ` ${shown.file}\n digest ${shown.digest}`
  const { sources } = shown
  if (sources !== undefined) markDefaults(document.contents, [], sources)
  // The library puts the comment of an empty list onto a line of its own.
  return document.toString({ lineWidth: 0 }).replace(/:\n +\[\]\n +# default$/gm, ': [] # default')
}

function markDefaults(node: unknown, path: ConfigPath, sources: Readonly<Record<string, string>>): void {
  if (isSeq(node)) node.items.forEach((item, index) => markDefaults(item, [...path, index], sources))
  if (!isMap(node)) return
  for (const pair of node.items) {
    if (!isPair(pair) || !isScalar(pair.key)) continue
    const inner = [...path, String(pair.key.value)]
    const value = pair.value as Node | null // a document built from plain values holds nodes only
    if (value !== null && sources[formatPath(inner)] === 'default' && !isMap(value)) value.comment = ' default'
    markDefaults(value, inner, sources)
  }
}

/** The written value where there is one, the schema's default where not; objects are filled member by member. */
function fill(
  schema: SchemaNode,
  value: unknown,
  path: ConfigPath,
  sources: Record<string, 'file' | 'default'>,
): unknown {
  const isWritten = value !== undefined
  const effective = isWritten ? value : schema.default
  if (effective === undefined) return undefined
  if (schema.properties !== undefined && isRecord(effective)) {
    const members = Object.entries(schema.properties).map(([key, member]): [string, unknown] => {
      return [key, fill(member, Object.hasOwn(effective, key) ? effective[key] : undefined, [...path, key], sources)]
    })
    return Object.fromEntries(members.filter(([, member]) => member !== undefined))
  }
  const { items } = schema
  if (items !== undefined && Array.isArray(effective) && effective.length > 0) {
    return effective.map((item: unknown, index) => fill(items, item, [...path, index], sources))
  }
  sources[formatPath(path)] = isWritten ? 'file' : 'default'
  return effective
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
