// What a schema cannot say of administrators: that a role was given to somebody who can never log in, that a name
// speaks of another issuer, that a browser would send its session in plain text.

import type { ConfigPath, Finding } from './problem.ts'
import type { Config } from './schema.ts'

/** Whether a URL leads over a network without TLS. */
type IsPlainRemote = (url: string) => boolean

export function checkAdmin(config: Config, isPlainRemote: IsPlainRemote): Finding[] {
  return [
    ...checkAdminUrl(config, isPlainRemote),
    ...checkTokens(config),
    ...checkLogin(config, isPlainRemote),
    ...checkAdministrators(config),
  ]
}

function checkAdminUrl({ admin }: Config, isPlainRemote: IsPlainRemote): Finding[] {
  if (admin.publicUrl === undefined) return []
  const path = ['admin', 'publicUrl']
  const url = new URL(admin.publicUrl)
  const found: Finding[] = []
  if (url.pathname !== '/' || url.search !== '')
    found.push({ path, message: 'the admin listener has its host to itself', hint: `write ${url.origin}` })
  if (isPlainRemote(admin.publicUrl)) {
    const hint = 'put a proxy with TLS in front and write https://'
    found.push({ path, message: 'administrators would send their session in plain text', hint })
  }
  return found
}

function checkTokens({ admin }: Config): Finding[] {
  const names = admin.tokens.map(({ name }) => name)
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [{ path: ['admin', 'tokens', index, 'name'], message: 'another token has this name', hint: 'choose another' }],
  )
}

function checkLogin({ admin, identity }: Config, isPlainRemote: IsPlainRemote): Finding[] {
  const { oidc } = admin
  if (oidc === undefined) return []
  const found: Finding[] = []
  const path = (member: string): ConfigPath => ['admin', 'oidc', member]
  if (isPlainRemote(oidc.issuer))
    found.push({ path: path('issuer'), message: 'in plain text anybody could log in', hint: 'use https' })
  if (!oidc.scopes.includes('openid'))
    found.push({ path: path('scopes'), message: 'without openid there is no ID token', hint: 'add openid' })
  for (const issuer of identity.jwt) {
    if ((issuer.name === oidc.name) === (issuer.issuer === oidc.issuer)) continue
    const message =
      issuer.name === oidc.name
        ? 'this name is that of another issuer in identity.jwt, so their users could not be told apart'
        : `this issuer is ${issuer.name} in identity.jwt, so one person would be two`
    found.push({ path: path('name'), message, hint: 'one name for one issuer' })
  }
  return found
}

function checkAdministrators({ admin }: Config): Finding[] {
  return admin.administrators.flatMap(({ who }, index) =>
    who.flatMap((id, at): Finding[] => {
      const path = ['admin', 'administrators', index, 'who', at]
      if (admin.oidc === undefined)
        return [{ path, message: 'nobody can log in', hint: 'people log in by admin.oidc; machines use admin.tokens' }]
      const issuer = id.slice(id.indexOf(':') + 1, id.indexOf('/'))
      if (issuer === admin.oidc.name) return []
      const hint = `write ${id.split(':')[0]}:${admin.oidc.name}/…`
      return [{ path, message: `nobody of ${issuer} can log in; admin.oidc is ${admin.oidc.name}`, hint }]
    }),
  )
}
