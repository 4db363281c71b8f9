// Finds claims by the words of the configuration: a name, or a path into nested claims (`realm_access.roles`), and
// fills templates with them. What a word means is decided by the configuration alone, never by what a token happens
// to hold. An e-mail counts only when its issuer says it was verified, and only from a declared domain.

import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import { ownValue } from './compact-form.ts'

/** Names of claims, outermost first. */
export type ClaimPath = readonly string[]

export interface Template {
  /** literal, path, literal, path, …, literal */
  readonly literals: readonly string[]
  readonly paths: readonly ClaimPath[]
}

/** A dot is a step inwards, unless it stands in a URL or behind a backslash. */
export function parseClaimPath(text: string): ClaimPath {
  if (text.includes('://')) return [text]
  return text.split(/(?<!\\)\./).map((name) => name.replaceAll('\\.', '.'))
}

export function parseTemplate(text: string): Template {
  const literals: string[] = []
  const paths: ClaimPath[] = []
  let end = 0
  for (const match of text.matchAll(/\{([^{}]+)\}/g)) {
    literals.push(text.slice(end, match.index))
    paths.push(parseClaimPath(match[1] ?? ''))
    end = match.index + match[0].length
  }
  literals.push(text.slice(end))
  return { literals, paths }
}

/** A claim as far as it may be believed: undefined where it is missing or an e-mail that does not count. */
export function claimAt(claims: JsonObject, path: ClaimPath, emailDomains: readonly string[]): JsonValue | undefined {
  const found = find(claims, path)
  if (path.at(-1) !== 'email' || found === undefined) return found?.value
  return ownValue(found.parent, 'email_verified') === true && isOfDomain(found.value, emailDomains)
    ? found.value
    : undefined
}

/** Whether the token has this claim at all, believed or not. */
export function hasClaim(claims: JsonObject, path: ClaimPath): boolean {
  const value = find(claims, path)?.value
  return value !== undefined && value !== null
}

function find(claims: JsonObject, path: ClaimPath): { parent: JsonObject; value: JsonValue } | undefined {
  let parent = claims
  for (const [depth, name] of path.entries()) {
    const value = ownValue(parent, name)
    if (value === undefined) return undefined
    if (depth === path.length - 1) return { parent, value }
    if (!isJsonObject(value)) return undefined
    parent = value
  }
  return undefined
}

/** One `@`, so that no reader takes another part for the domain. */
function isOfDomain(email: JsonValue, domains: readonly string[]): boolean {
  if (typeof email !== 'string') return false
  const [local = '', domain = '', ...more] = email.split('@')
  return local !== '' && more.length === 0 && domains.includes(domain.toLowerCase())
}
