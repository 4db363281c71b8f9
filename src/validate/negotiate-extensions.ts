// Which extensions a call uses: what the caller asks for, what the configuration allows, and what the agent's card
// declares (A2A 1.0.1 §4.6). Asked for and not to be had is left out, as the protocol has it. Needed by the agent and not
// to be had is a refusal, never a call without it; and so is a message that makes use of what is not allowed. Asked after
// authorize: an agent of which a caller may not know needs nothing either.

import {
  isAllowedExtension,
  isExtensionUri,
  type AllowedExtensions,
  type DeclaredExtensions,
} from '../a2a/extensions.ts'
import { operations, type ProtocolVersion } from '../a2a/operations.ts'
import { legacyExtensionsHeader } from '../a2a/v0-3/names.ts'
import { isJsonObject, type JsonValue } from '../base/strict-json.ts'
import { allowedExtensions } from '../config/config.ts'
import type { Authorized, Routed } from '../exchange/exchange.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'

const none: readonly string[] = Object.freeze([])
const mostAsked = 64 // bound: extensions that a call asks for

/** Asked for and allowed, each once, in the order asked for. Of 0.3 the header has another name as well. */
export function askExtensions(
  routed: Pick<Routed, 'headers' | 'agent' | 'snapshot'>,
  version: ProtocolVersion,
): readonly string[] {
  const { headers, agent, snapshot } = routed
  const legacy = version === '0.3' ? headers.get(legacyExtensionsHeader) : undefined
  const header = legacy ?? headers.get('a2a-extensions')
  if (header === undefined) return none
  const allowed = allowedExtensions(snapshot.config, agent)
  if (allowed.length === 0) return none
  const asked = new Set(header.split(',').map((uri) => uri.trim()))
  const found = [...asked].filter((uri) => isExtensionUri(uri) && isAllowedExtension(uri, allowed))
  return found.length === 0 ? none : found.slice(0, mostAsked)
}

/**
 * What the agent is told. `declared` is what its card said when it was last read, undefined when that is not known: then
 * the configuration's list decides, and `*` allows nothing.
 */
export function negotiateExtensions(
  authorized: Authorized,
  declared: DeclaredExtensions | undefined,
): readonly string[] | Refusal {
  const { extensions: asked, operation, agent, snapshot } = authorized
  const allowed = allowedExtensions(snapshot.config, agent)
  const missing = operations[operation].carriesMessage ? findMissing(asked, allowed, declared) : undefined
  // what makes use of an extension does so in any request: CancelTask has metadata too
  const refusal = missing ?? findUnallowed(authorized, allowed, declared)
  if (refusal !== undefined) return refusal
  if (asked.length === 0) return none
  if (declared === undefined) return allowed === '*' ? none : asked
  return asked.filter((uri) => declared.uris.has(uri))
}

function findMissing(
  asked: readonly string[],
  allowed: AllowedExtensions,
  declared: DeclaredExtensions | undefined,
): Refusal | undefined {
  const missing = declared?.required.find((uri) => !asked.includes(uri))
  if (missing === undefined) return undefined
  const isAllowed = isAllowedExtension(missing, allowed)
  const hint = isAllowed ? `the agent requires ${missing}` : `the agent requires ${missing}, which is not allowed here`
  return refuse('VALIDATE_EXTENSION_REQUIRED', `${missing}: ${isAllowed ? 'not asked for' : 'not allowed'}`, { hint })
}

function findUnallowed(
  { message, params, body, binding }: Authorized,
  allowed: AllowedExtensions,
  declared: DeclaredExtensions | undefined,
): Refusal | undefined {
  if (allowed === '*') return undefined
  const named = message.extensions.find((uri) => !allowed.includes(uri))
  if (named !== undefined) return refuseUse(`message.extensions: ${named}`)
  if (declared === undefined || declared.uris.size === 0) return undefined
  const known = [...new Set([...declared.uris, ...allowed])]
  // as it was sent, too: in 0.3 questions have metadata, for which 1.0 has no place
  const sent = binding === 'JSONRPC' && isJsonObject(body) ? body['params'] : body
  const key = [params, sent].flatMap(keysOfMetadata).find((each) => {
    const owner = ownerOf(each, known)
    return owner !== undefined && !allowed.includes(owner)
  })
  return key === undefined ? undefined : refuseUse(`metadata: ${key}`)
}

const refuseUse = (what: string): Refusal => refuse('VALIDATE_EXTENSION_NOT_ALLOWED', what.slice(0, 300))

/** Of the request, its message and each part: where an extension may put what is its own. */
function keysOfMetadata(params: JsonValue | undefined): string[] {
  if (!isJsonObject(params)) return []
  const message = isJsonObject(params['message']) ? params['message'] : {}
  const parts = Array.isArray(message['parts']) ? message['parts'] : []
  return [params, message, ...parts].flatMap((holder: JsonValue) => {
    const metadata = isJsonObject(holder) ? holder['metadata'] : undefined
    return isJsonObject(metadata) ? Object.keys(metadata) : []
  })
}

/** The extension whose key it is: its URI, or a name below it. The longest counts, as /v2 may lie below another's URI. */
function ownerOf(key: string, uris: readonly string[]): string | undefined {
  let owner: string | undefined
  for (const uri of uris) {
    const isBelow = key.startsWith(uri) && (/[/#]$/.test(uri) || /^(?:[/#?:.]|$)/.test(key.slice(uri.length)))
    if (isBelow && uri.length > (owner?.length ?? 0)) owner = uri
  }
  return owner
}
