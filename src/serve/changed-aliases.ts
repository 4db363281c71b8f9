// What a reload changed about who is the same person: recorded as an administrative act of its own, since it moves
// rights and ownership without a word of policy being changed.

import type { JsonObject } from '../base/strict-json.ts'
import type { AliasConfig, Config } from '../config/config.ts'

/** undefined where nothing changed; an alias that changed was removed and added. */
export function describeChangedAliases(before: Config, after: Config): JsonObject | undefined {
  const [old, fresh] = [before, after].map(({ aliases }) => new Map(aliases.map((alias) => [textOf(alias), alias])))
  const added = [...(fresh ?? [])].filter(([text]) => old?.has(text) !== true)
  const removed = [...(old ?? [])].filter(([text]) => fresh?.has(text) !== true)
  if (added.length === 0 && removed.length === 0) return undefined
  return {
    added: added.map(([, alias]) => describeAlias(alias)),
    removed: removed.map(([, alias]) => describeAlias(alias)),
  }
}

export function describeAlias({ name, principals }: AliasConfig): JsonObject {
  return { name, principals: [...principals] }
}

const textOf = ({ name, principals }: AliasConfig): string => JSON.stringify([name, principals])
