// What a request says beside its body: protocol version, activated extensions, content type (A2A 1.0 §3.6, §9.2,
// §11.2). An absent version means 0.3 and is refused, never guessed; an extension nobody allowed is never activated.

import { protocolVersion } from '../a2a/operations.ts'
import type { Routed } from '../exchange/exchange.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'

const versionHint = 'send the header A2A-Version: 1.0'
const patched = /^1\.0\.\d{1,5}$/

/** undefined when both places that may name a version, header and query, leave no doubt that it is 1.0. */
export function checkVersion(header: string | undefined, query: string | undefined): Refusal | undefined {
  const fromHeader = header === undefined ? undefined : normalise(header)
  const fromQuery = query === undefined ? undefined : normalise(query)
  if (fromHeader !== undefined && fromQuery !== undefined && fromHeader !== fromQuery) {
    return refuse('VALIDATE_VERSION', 'header and query name different versions', { hint: versionHint })
  }
  const version = fromHeader ?? fromQuery ?? '0.3'
  if (version === protocolVersion) return undefined
  return refuse('VALIDATE_VERSION', `version ${version.slice(0, 32)}`, { hint: versionHint })
}

/** Patch numbers must not matter (§3.6); an empty version means 0.3. */
function normalise(version: string): string {
  if (version === protocolVersion) return version
  return version === '' ? '0.3' : patched.test(version) ? protocolVersion : version
}

const jsonRpcType = /^application\/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?$/i
const restType = /^application\/(?:a2a\+)?json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?$/i

/** undefined when the content type is one that this binding may carry, in UTF-8 and not compressed. */
export function checkContentType(routed: Routed): Refusal | undefined {
  const encoding = routed.headers.get('content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return refuseType('the body is compressed')
  const type = routed.headers.get('content-type')
  if (type === 'application/json') return undefined
  if (type === undefined) return refuseType('no content type')
  const allowed = routed.binding === 'JSONRPC' ? jsonRpcType : restType
  return allowed.test(type) ? undefined : refuseType('another content type')
}

const refuseType = (detail: string): Refusal =>
  refuse('VALIDATE_CONTENT_TYPE', detail, { hint: 'send Content-Type: application/json' })

const none: readonly string[] = Object.freeze([])

/** A2A-Extensions, only as far as the configuration allows, each once, in the order asked for. */
export function activateExtensions(header: string | undefined, allowed: readonly string[]): readonly string[] {
  if (header === undefined || allowed.length === 0) return none
  const asked = new Set(header.split(',').map((uri) => uri.trim()))
  const activated = [...asked].filter((uri) => allowed.includes(uri))
  return activated.length === 0 ? none : activated
}
