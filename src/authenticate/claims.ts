// From verified claims to a principal: user:<issuer>/<subject>, groups with their issuer, a display name by
// template. Groups that exceed the bounds refuse the token: leaving some out could leave out one that a deny
// speaks of. For the same reason a group by an e-mail that does not count refuses it.

import { detach, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { JwtIssuerConfig } from '../config/config.ts'
import type { Principal } from '../exchange/exchange.ts'
import { claimAt, hasClaim, parseClaimPath, parseTemplate, type ClaimPath, type Template } from './claim-path.ts'

const maxNameLength = 256 // bound: a subject in a token
const maxGroups = 256 // bound: groups in a token
/** all group ids together: they travel on in an assertion, which must fit into a request's head */
const maxGroupsLength = 6144 // bound: all groups in a token together

/** Which claims make somebody, of an issuer of tokens or of a login. */
export type ClaimRules = Pick<JwtIssuerConfig, 'name' | 'subject' | 'groups' | 'display' | 'emailDomains'>

/** The principal, or why these claims do not make one. INVARIANT: the signature over them has been verified. */
export function principalOf(claims: JsonObject, config: ClaimRules): Principal | string {
  const subject = claimAt(claims, parseClaimPath(config.subject), config.emailDomains)
  if (typeof subject !== 'string' || !isName(subject)) return `${config.subject} is not a name`
  const groups = groupsOf(claims, config)
  if (typeof groups === 'string') return groups
  const id = detach(`user:${config.name}/${escapeName(subject)}`)
  const display = displayOf(claims, config)
  // not the bare subject: one that looks like an e-mail would be read as one
  return { id, groups, display: display === undefined ? id : detach(display) }
}

function groupsOf(claims: JsonObject, config: ClaimRules): readonly string[] | string {
  const groups = new Set<string>()
  let count = 0
  let length = 0
  for (const source of typeof config.groups === 'string' ? [config.groups] : (config.groups ?? [])) {
    const names = namesOf(claims, source, config.emailDomains)
    if (typeof names === 'string') return names
    count += names.length
    if (count > maxGroups) return 'too many groups'
    for (const name of names) {
      const id = detach(`group:${config.name}/${name}`)
      length += id.length
      groups.add(id)
    }
  }
  return length > maxGroupsLength ? 'too many groups' : [...groups]
}

/** The names that one source of groups gives, escaped; none where a claim is missing. */
function namesOf(claims: JsonObject, source: string, emailDomains: readonly string[]): readonly string[] | string {
  const isTemplate = source.includes('{')
  const template: Template = isTemplate
    ? parseTemplate(source)
    : { literals: ['', ''], paths: [parseClaimPath(source)] }
  let names = [escapeName(template.literals[0] ?? '')]
  let lists = 0
  for (const [index, path] of template.paths.entries()) {
    if (!hasClaim(claims, path)) return []
    const values = readNames(claims, path, emailDomains)
    if (typeof values === 'string') return values
    if (values.length > maxGroups) return 'too many groups'
    if (values.length > 1 && ++lists > 1) return 'a template of groups with two lists'
    // what separates the places must not come from a claim, or one could speak for two
    const literals = template.paths.length > 1 ? template.literals.join('') : ''
    const literal = escapeName(template.literals[index + 1] ?? '')
    const places = values.map((value) => `${escapeName(value, literals)}${literal}`)
    names = names.flatMap((name) => places.map((place) => `${name}${place}`))
  }
  return names
}

function readNames(claims: JsonObject, path: ClaimPath, emailDomains: readonly string[]): readonly string[] | string {
  const claimed: JsonValue | undefined = claimAt(claims, path, emailDomains)
  if (claimed === undefined) return 'a group by an e-mail that does not count'
  const values = Array.isArray(claimed) ? claimed : [claimed]
  const names = values.filter((value) => typeof value === 'string').filter(isName)
  return names.length === values.length ? names : 'a group that is not a name'
}

const control = /[\u0000-\u001f\u007f-\u009f]/

function isName(text: string): boolean {
  return text !== '' && text.length <= maxNameLength && !control.test(text)
}

/** White space and `*` cannot stand in a policy's principals; `%` is escaped too, so that no two names meet. */
function escapeName(name: string, separators = ''): string {
  return name
    .replace(/[\s%*]/gu, percent)
    .replace(/[^A-Za-z0-9%]/gu, (character) => (separators.includes(character) ? percent(character) : character))
}

function percent(character: string): string {
  return /[!-~]/.test(character)
    ? `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
    : encodeURIComponent(character)
}

/** Fills `{claim}` places; undefined when one of them is missing, so that no half-empty name is shown. */
function displayOf(claims: JsonObject, { display, emailDomains }: ClaimRules): string | undefined {
  const { literals, paths } = parseTemplate(display)
  let shown = literals[0] ?? ''
  for (const [index, path] of paths.entries()) {
    const value = claimAt(claims, path, emailDomains)
    if (typeof value !== 'string' || !isName(value)) return undefined
    shown += `${value}${literals[index + 1] ?? ''}`
  }
  return isName(shown) ? shown : undefined
}
