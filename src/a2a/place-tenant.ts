// Puts an agent's fixed tenant into a JSON-RPC request that leaves it out, so that what the agent reads is what
// was checked and owned. Beside the id of a context (context-places.ts) it is the one field that may change on the
// way; every other byte stays. HTTP+JSON carries the tenant in the rebuilt path instead (a2a.proto, `/{tenant}`).

import { insertMember, memberRange, spliceMember } from '../base/strict-json.ts'

/**
 * `bodyText` has passed validation against this agent, so a tenant that it names is empty or already right.
 * Returns the same text when nothing has to change.
 */
export function placeTenant(bodyText: string, tenant: string): string {
  if (tenant === '') return bodyText
  const value = JSON.stringify(tenant)
  const params = memberRange(bodyText, ['params'])
  if (params === undefined) return insertMember(bodyText, [], 'params', `{"tenant":${value}}`) ?? bodyText
  if (bodyText.startsWith('null', params.start))
    return spliceMember(bodyText, ['params'], `{"tenant":${value}}`) ?? bodyText
  const named = memberRange(bodyText, ['params', 'tenant'])
  if (named === undefined) return insertMember(bodyText, ['params'], 'tenant', value) ?? bodyText
  const isNamed = bodyText.charCodeAt(named.start) === 0x22 && named.end - named.start > 2
  return isNamed ? bodyText : (spliceMember(bodyText, ['params', 'tenant'], value) ?? bodyText)
}
