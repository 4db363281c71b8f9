// From verified claims to a principal: user:<issuer>/<subject>, groups with their issuer, a display name by
// template. Groups that exceed the bounds refuse the token: leaving some out could leave out one that a deny
// speaks of. An e-mail counts only when the issuer says it was verified, whatever it is used for.

import { detach, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { JwtIssuerConfig } from '../config/config.ts'
import type { Principal } from '../exchange/exchange.ts'
import { ownValue } from './compact-form.ts'

const maxNameLength = 256 // bound: a subject in a token
const maxGroups = 256 // bound: groups in a token
/** all group ids together: they travel on in an assertion, which must fit into a request's head */
const maxGroupsLength = 6144 // bound: all groups in a token together

/** The principal, or why these claims do not make one. INVARIANT: the signature over them has been verified. */
export function principalOf(claims: JsonObject, config: JwtIssuerConfig): Principal | string {
  const subject = claimOf(claims, config.subject)
  if (typeof subject !== 'string' || !isName(subject)) return `${config.subject} is not a name`
  const groups = groupsOf(claims, config)
  if (typeof groups === 'string') return groups
  const id = detach(`user:${config.name}/${escapeName(subject)}`)
  const display = displayOf(claims, config.display)
  // not the bare subject: one that looks like an e-mail would be read as one
  return { id, groups, display: display === undefined ? id : detach(display) }
}

/** A claim as far as it may be believed. */
function claimOf(claims: JsonObject, name: string): JsonValue | undefined {
  return name === 'email' && ownValue(claims, 'email_verified') !== true ? undefined : ownValue(claims, name)
}

function groupsOf(claims: JsonObject, config: JwtIssuerConfig): readonly string[] | string {
  if (config.groups === undefined) return []
  const claimed = ownValue(claims, config.groups)
  if (claimed === undefined || claimed === null) return []
  if (claimOf(claims, config.groups) === undefined) return 'a group by an e-mail that was not verified'
  const names = Array.isArray(claimed) ? claimed : [claimed]
  if (names.length > maxGroups) return 'too many groups'
  const groups = new Set<string>()
  let length = 0
  for (const name of names) {
    if (typeof name !== 'string' || !isName(name)) return 'a group that is not a name'
    const id = detach(`group:${config.name}/${escapeName(name)}`)
    length += id.length
    groups.add(id)
  }
  return length > maxGroupsLength ? 'too many groups' : [...groups]
}

const control = /[\u0000-\u001f\u007f-\u009f]/

function isName(text: string): boolean {
  return text !== '' && text.length <= maxNameLength && !control.test(text)
}

/** White space and `*` cannot stand in a policy's principals; `%` is escaped too, so that no two names meet. */
function escapeName(name: string): string {
  return name.replace(/[\s%*]/gu, (character) => encodeURIComponent(character).replace('*', '%2A'))
}

/** Fills `{claim}` places; undefined when one of them is missing, so that no half-empty name is shown. */
function displayOf(claims: JsonObject, template: string): string | undefined {
  let isWhole = true
  const display = template.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const value = claimOf(claims, name)
    const isShown = typeof value === 'string' && isName(value)
    isWhole &&= isShown
    return isShown ? value : ''
  })
  return isWhole && isName(display) ? display : undefined
}
