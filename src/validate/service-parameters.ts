// What a request says beside its body: protocol version and content type (A2A 1.0 §3.6, §9.2, §11.2). An absent version
// means 0.3; one that this agent's callers may not use is refused, never guessed.

import { protocolVersion, type ProtocolVersion } from '../a2a/operations.ts'
import type { Routed } from '../exchange/exchange.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'

const patched = /^(1\.0|0\.3)\.\d{1,5}$/

/** The version of a call: header and query leave no doubt that it is one which this agent's callers may use. */
export function negotiateVersion(routed: Routed, query: string | undefined): ProtocolVersion | Refusal {
  const header = routed.headers.get('a2a-version')
  const fromHeader = header === undefined ? undefined : normalise(header)
  const fromQuery = query === undefined ? undefined : normalise(query)
  const { versions } = routed.agent
  if (fromHeader !== undefined && fromQuery !== undefined && fromHeader !== fromQuery)
    return refuseVersion('header and query name different versions', versions)
  const version = fromHeader ?? fromQuery ?? '0.3'
  return versions.find((each) => each === version) ?? refuseVersion(`version ${version.slice(0, 32)}`, versions)
}

export function refuseVersion(detail: string, versions: readonly ProtocolVersion[]): Refusal {
  return refuse('VALIDATE_VERSION', detail, { hint: `send the header A2A-Version: ${versions.join(' or ')}` })
}

/** Patch numbers must not matter (§3.6); an empty version means 0.3. */
function normalise(version: string): string {
  if (version === protocolVersion) return version
  return version === '' ? '0.3' : (patched.exec(version)?.[1] ?? version)
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
