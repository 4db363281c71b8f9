// The OAuth flow of a security scheme in a card: 0.3 lists any of four, 1.0 has exactly one of five (the device code
// flow is new, and so is `pkceRequired`).

import type { JsonObject } from '../../base/strict-json.ts'
import { copy, objectMember } from './translation.ts'

const members = ['authorizationUrl', 'tokenUrl', 'refreshUrl', 'scopes'] as const
const shared = ['authorizationCode', 'clientCredentials', 'implicit', 'password'] as const

/** The first flow that both versions know, stronger ones before the deprecated; none where 1.0 has the new one. */
export function chooseFlow(flows: JsonObject): JsonObject {
  for (const name of shared) {
    const flow = objectMember(flows, name)
    if (flow === undefined) continue
    const to: JsonObject = {}
    copy(flow, to, ...members)
    to['scopes'] ??= {}
    return { [name]: to }
  }
  return {}
}
