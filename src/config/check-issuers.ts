// What a schema cannot say of one issuer of tokens: where its keys come from, and that an e-mail is used only where
// some domain is declared for it.

import { readFileSync, statSync } from 'node:fs'
import { systemReason } from '../base/system-error.ts'
import type { ConfigPath, Finding } from './problem.ts'
import type { JwtIssuerConfig } from './schema.ts'
import { referencedPath } from './secrets.ts'

/** `isPlainRemote`: whether what is fetched from a URL could come from anybody on the way. */
export function checkIssuer(
  issuer: JwtIssuerConfig,
  path: ConfigPath,
  { baseDir, isPlainRemote }: { readonly baseDir: string; readonly isPlainRemote: (url: string) => boolean },
): Finding[] {
  return [...checkKeys(), ...checkEmail(issuer, path), ...checkTemplates(issuer, path), ...checkIntrospection()]

  function checkIntrospection(): Finding[] {
    const { introspection } = issuer
    if (introspection === undefined || !isPlainRemote(introspection.endpoint)) return []
    const at = [...path, 'introspection', 'endpoint']
    return [{ path: at, message: 'tokens and the secret would be sent in plain text', hint: 'use https' }]
  }

  function checkKeys(): Finding[] {
    const { jwks } = issuer
    if (jwks === undefined) return checkDiscovery(issuer, path, isPlainRemote)
    const at = [...path, 'jwks']
    if (jwks.startsWith('file:')) return checkKeySet(referencedPath(jwks, baseDir), jwks, at)
    const query = checkNoQuery(jwks, at)
    if (query.length > 0) return query
    if (!isPlainRemote(jwks)) return []
    const hint = 'use https, or file: with a key set you deliver'
    return [{ path: at, message: "keys fetched in plain text could be anybody's", hint }]
  }
}

/** Public keys need no password, and a query is where one would be: it would be shown with the configuration. */
export function checkNoQuery(url: string, path: ConfigPath): Finding[] {
  if (new URL(url).search === '') return []
  const hint = 'end it after the path, or deliver the key set as file:PATH'
  return [{ path, message: 'the URL of a key set has no query', hint }]
}

function checkDiscovery(
  { issuer }: JwtIssuerConfig,
  path: ConfigPath,
  isPlainRemote: (url: string) => boolean,
): Finding[] {
  const at = [...path, 'issuer']
  const url = URL.parse(issuer)
  const isFetched = url !== null && /^https?:$/.test(url.protocol) && `${url.search}${url.hash}${url.username}` === ''
  if (!isFetched)
    return [
      { path: at, message: 'keys cannot be discovered at what is not a URL', hint: 'give jwks: URL or file:PATH' },
    ]
  if (!isPlainRemote(issuer)) return []
  return [
    {
      path: at,
      message: "keys discovered in plain text could be anybody's",
      hint: 'use an https issuer, or give jwks',
    },
  ]
}

/** An e-mail counts only from a declared domain, so what depends on one would never be there. */
function checkEmail({ subject, groups, emailDomains }: JwtIssuerConfig, path: ConfigPath): Finding[] {
  if (emailDomains.length > 0) return []
  const hint = 'declare the domains that this issuer verifies addresses of: emailDomains: [example.com]'
  const found: Finding[] = []
  if (isEmail(subject))
    found.push({ path: [...path, 'subject'], message: 'no e-mail counts without emailDomains', hint })
  const sources = typeof groups === 'string' ? [groups] : (groups ?? [])
  if (sources.some((source) => isEmail(source) || source.includes('email}')))
    found.push({ path: [...path, 'groups'], message: 'no e-mail counts without emailDomains', hint })
  return found
}

/** Values of two places are told apart by what stands between them, which is escaped within them. */
function checkTemplates({ groups }: JwtIssuerConfig, path: ConfigPath): Finding[] {
  const sources = typeof groups === 'string' ? [groups] : (groups ?? [])
  const isSeparated = (source: string): boolean =>
    source
      .split(/\{[^{}]+\}/)
      .slice(1, -1)
      .every((literal) => /[^A-Za-z0-9%]/.test(literal))
  if (sources.every(isSeparated)) return []
  const hint = 'write a sign between them, as in "{team}/{role}"'
  return [{ path: [...path, 'groups'], message: 'places of a template run into each other', hint }]
}

const isEmail = (claim: string): boolean => /(^|\.)email$/.test(claim)

/** Said and not refused: everybody can still be told apart, by canonical ids. */
export function warnOfHiddenEmail({ display, emailDomains }: JwtIssuerConfig, path: ConfigPath): Finding[] {
  if (emailDomains.length > 0 || !display.includes('email}')) return []
  return [
    {
      path: [...path, 'display'],
      message: 'canonical ids are shown: no e-mail counts without emailDomains',
      hint: 'declare the domains that this issuer verifies addresses of: emailDomains: [example.com]',
    },
  ]
}

function checkKeySet(file: string, reference: string, path: ConfigPath): Finding[] {
  try {
    if (statSync(file).size > 1024 * 1024) return [{ path, message: `${reference} is larger than 1 MiB` }]
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const keys: unknown = typeof content === 'object' && content !== null ? Reflect.get(content, 'keys') : undefined
    return Array.isArray(keys) && keys.length > 0
      ? []
      : [{ path, message: `${reference} holds no keys`, hint: 'expected {"keys":[…]}, RFC 7517' }]
  } catch (error) {
    if (error instanceof SyntaxError)
      return [{ path, message: `${reference} is not JSON`, hint: 'expected {"keys":[…]}, RFC 7517' }]
    return [{ path, message: `${reference} cannot be read: ${systemReason(error)}`, hint: `create ${file}` }]
  }
}
