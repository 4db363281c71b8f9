// Reads the body of a token request: application/x-www-form-urlencoded, strictly. What two parsers could read
// differently is refused: a parameter twice, a name or value that is not UTF-8 after decoding, a pair without '='.
// A parameter without a value counts as left out (RFC 6749 §3.2).

import { decodeUtf8 } from '../base/strict-json.ts'

const maxParameters = 32 // bound: parameters of a token request

/** The parameters, or what is wrong with them. */
export function parseForm(body: Buffer): ReadonlyMap<string, string> | string {
  const text = decodeUtf8(body)
  if (text === undefined) return 'not UTF-8'
  if (text === '') return new Map()
  const pairs = text.split('&')
  if (pairs.length > maxParameters) return `more than ${maxParameters} parameters`
  const seen = new Map<string, string>()
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at <= 0) return 'a parameter without a name or a value'
    const name = decode(pair.slice(0, at))
    const value = decode(pair.slice(at + 1))
    if (name === undefined || value === undefined || name === '') return 'a parameter that cannot be decoded'
    if (seen.has(name)) return 'a parameter twice'
    seen.set(name, value)
  }
  return new Map([...seen].filter(([, value]) => value !== ''))
}

const encoded = /^(?:[A-Za-z0-9*._~!$'(),:@/?;+-]|%[0-9A-Fa-f]{2})*$/

function decode(text: string): string | undefined {
  if (!encoded.test(text)) return undefined
  try {
    const decoded = decodeURIComponent(text.replaceAll('+', ' '))
    // a NUL or a line end in a token, an address or a scope is nobody's honest word
    return /[\p{Cc}]/u.test(decoded) ? undefined : decoded
  } catch {
    // an escape that is not UTF-8
    return undefined
  }
}
