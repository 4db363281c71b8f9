// How people of the configured provider log in at the admin API: its metadata, keys and tokens come by the dialler, and
// who somebody is follows from the claims as it does for callers, so that one person is one principal on both sides.

import type { AdminOptions } from '../admin/admin.ts'
import { principalOf } from '../authenticate/authenticate.ts'
import { isLoopback, type LoadedConfig } from '../config/config.ts'
import type { Dialler } from '../forward/forward.ts'
import { loginBounds } from './fetch-bounds.ts'

export function adminLogin({ config, secrets }: LoadedConfig, dialler: Dialler): AdminOptions['login'] {
  const { oidc } = config.admin
  if (oidc === undefined) return undefined
  const { name, issuer, clientId, clientSecret, scopes, groups } = oidc
  const same = config.identity.jwt.find((each) => each.issuer === issuer)
  const rules = {
    name,
    subject: same?.subject ?? 'sub',
    groups: groups ?? same?.groups,
    display: same?.display ?? '{name}',
    emailDomains: same?.emailDomains ?? [],
  }
  return {
    issuer,
    clientId,
    clientSecret: clientSecret === undefined ? undefined : secrets.resolve(clientSecret).text(),
    scopes,
    mayBePlain: isLoopback(new URL(issuer).hostname),
    fetch: {
      get: (url) => dialler.get(url, loginBounds),
      post: (url, body, fields) => dialler.post(url, body, loginBounds, fields),
    },
    personOf: (claims) => principalOf(claims, rules),
  }
}
