// Extensions (A2A 1.0.1 §3.6, §4.4.4, §4.6): what an agent's card declares, and which of it somebody may use. A card is
// its agent's own word: what is no plain URI is left out, because it would stand in a header.

import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'

/** `*`: all that the agent's card declares */
export type AllowedExtensions = '*' | readonly string[]

export interface DeclaredExtensions {
  readonly uris: ReadonlySet<string>
  readonly required: readonly string[]
}

const mostDeclared = 64 // bound: extensions in a card
const uriPattern = /^[!-+\--~]{1,512}$/ // bound: the URI of an extension

/** Visible ASCII without a comma: what can stand in a list of a header and be read in one way. */
export const isExtensionUri = (text: string): boolean => uriPattern.test(text)

export const isAllowedExtension = (uri: string, allowed: AllowedExtensions): boolean =>
  allowed === '*' || allowed.includes(uri)

/** What stands in `capabilities.extensions`, each URI once. */
export function readExtensions(card: JsonObject): JsonObject[] {
  const capabilities = card['capabilities']
  const listed = isJsonObject(capabilities) ? capabilities['extensions'] : undefined
  if (!Array.isArray(listed)) return []
  const found = new Map<string, JsonObject>()
  for (const each of listed) {
    const uri = isJsonObject(each) ? each['uri'] : undefined
    if (typeof uri !== 'string' || !isExtensionUri(uri) || found.has(uri)) continue
    // a card with more than anybody reads: the first count
    if (found.size >= mostDeclared) break
    found.set(uri, rebuild(uri, each as JsonObject))
  }
  return [...found.values()]
}

function rebuild(uri: string, { description, required, params }: JsonObject): JsonObject {
  return {
    uri,
    ...(typeof description === 'string' && description !== '' && { description }),
    required: required === true,
    ...(isFilled(params) && { params }),
  }
}

const isFilled = (value: JsonValue | undefined): value is JsonObject =>
  isJsonObject(value) && Object.keys(value).length > 0

export function declaredBy(card: JsonObject): DeclaredExtensions {
  const listed = readExtensions(card)
  const uris = listed.map(({ uri }) => uri as string) // readExtensions builds them so
  return { uris: new Set(uris), required: uris.filter((_uri, at) => listed[at]?.['required'] === true) }
}
