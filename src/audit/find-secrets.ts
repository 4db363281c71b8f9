// Finds secrets in a text, by their form or by the word that stands before them, and says which member's name means
// that its value is one. Never asks whether a secret is a valid one. Everything runs in linear time.

import { RE2JS } from 're2js'
import type { SearchEffort, Span } from './search-effort.ts'

/** Prefixes by which issuers make their keys recognisable, our own among them. */
const issued = [
  'sp_[a-z]+_[0-9A-Za-z]{12}_[0-9A-Za-z]{43,49}',
  'AKIA[0-9A-Z]{16}',
  'ASIA[0-9A-Z]{16}',
  'AIza[0-9A-Za-z_-]{35}',
  'ya29\\.[0-9A-Za-z_-]{20,}',
  'gh[oprsu]_[0-9A-Za-z]{20,}',
  'github_pat_[0-9A-Za-z_]{20,}',
  'glpat-[0-9A-Za-z_-]{20,}',
  'xox[abeoprs]-[0-9A-Za-z-]{10,}',
  '[prs]k_(?:live|test)_[0-9A-Za-z]{16,}',
  'sk-[0-9A-Za-z_-]{20,}',
  'hf_[0-9A-Za-z]{30,}',
  'npm_[0-9A-Za-z]{36}',
  'pypi-[0-9A-Za-z_-]{50,}',
  'SG\\.[0-9A-Za-z_-]{16,}\\.[0-9A-Za-z_-]{16,}',
]
/** the shortest is `pwd:x` */
const minTokenChars = 5
const assigned = '["\']?\\s{0,8}[:=]\\s{0,8}["\']?'
const tokenPattern = [
  '(?i:bearer)\\s+[0-9A-Za-z._~+/=-]{8,}',
  'eyJ[0-9A-Za-z_-]{5,}\\.[0-9A-Za-z_-]{5,}\\.[0-9A-Za-z_-]*',
  ...issued,
  // the scheme, if there is one, and what stands behind it
  `(?i:authorization)${assigned}(?:[A-Za-z][0-9A-Za-z-]{0,30}[ \\t]{1,8})?[^\\s"',;]+`,
  `(?i:passw(?:or)?d|passphrase|pwd)${assigned}[^\\s"',;]+`,
  `(?i:key|secret|token|passw(?:or)?d|pwd)[^0-9A-Za-z]{1,16}[0-9A-Za-z+/_-]{16,}={0,2}`,
].join('|')
/** One of these is in whatever the pattern finds. Most texts have none, and are spared the pattern. */
const hints =
  /bearer|eyJ|sp_|A[KS]IA|AIza|ya29|gh[oprsu]_|github_|glpat|xox|k_live|k_test|sk-|hf_|npm_|pypi|SG\.|authoriz|passphrase|key|secret|token|passw|pwd/i
const privateKeyPattern =
  '-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]{0,60}-----|\\z)'

type Find = (text: string, effort: SearchEffort) => Iterable<Span>

export function createTokenFinder(): Find {
  const compiled = RE2JS.compile(tokenPattern)
  return function* findTokens(text, effort) {
    if (text.length < minTokenChars) return
    if (hints.test(text)) yield* effort.search(compiled, text)
    yield* findBasicCredentials(text)
    yield* findUserinfo(text)
  }
}

export function createPrivateKeyFinder(): Find {
  const compiled = RE2JS.compile(privateKeyPattern)
  return (text, effort) => (text.includes('PRIVATE KEY') ? effort.search(compiled, text) : [])
}

/** RFC 7617. The word alone is an English one: what follows must be base64 of a text with a colon in it. */
function* findBasicCredentials(text: string): Generator<Span> {
  for (const match of text.matchAll(/\bbasic\s{1,8}([0-9A-Za-z+/_-]{4,}={0,2})/gi)) {
    const decoded = Buffer.from(match[1] ?? '', 'base64').toString('latin1')
    // oxlint-disable-next-line no-control-regex -- credentials hold no control characters (RFC 7617, 2)
    if (decoded.includes(':') && !/[\u0000-\u001f\u007f]/.test(decoded))
      yield { start: match.index, end: match.index + match[0].length }
  }
}

/** What stands before the last `@` of a URL's authority (RFC 3986, 3.2.1). No authority holds another `://`. */
function* findUserinfo(text: string): Generator<Span> {
  for (const match of text.matchAll(/:\/\/([^\s/?#"'<>\\]*)@/g))
    yield { start: match.index + 3, end: match.index + match[0].length - 1 }
}

const secretWords = /passw(?:or)?d|passwort|passphrase|passcode|secret|credential|apikey|authori[sz]ation|privatekey/
const secretEndings = /(?:pwd|tokens?|accesskey|signingkey|encryptionkey|cookies?|jwt|bearer|sessionid)$/
const secretNames = /^(?:pin|cvv2?|cvc2?|otp|auth|passwd|pass)$/

/** Whether a member's name says that whatever stands below it is a secret, however short. */
export function namesSecret(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')
  return secretWords.test(plain) || secretEndings.test(plain) || secretNames.test(plain)
}

/** A name that may mean a key as well as the key of a piano: here the value must look like one, too. */
export const namesPerhaps: RegExp = /key|token|pwd/i
export const secretValue: RegExp = /^[0-9A-Za-z+/_-]{16,}={0,2}$/
