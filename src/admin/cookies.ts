// Cookies of the admin listener. Over TLS they carry the prefix __Host-: bound to this very host, sent over TLS alone,
// and no other host of the domain can set one. On loopback without TLS browsers take no such name; there the plain
// variant is used, and whatever listens on the same host shares it (docs/admin-api.md).

import type { IncomingHttpHeaders } from 'node:http'

export type CookieName = 'session' | 'login'

export interface Cookies {
  /** Undefined where there is none, and where there are two: which of them was meant cannot be known. */
  read(headers: IncomingHttpHeaders, name: CookieName): string | undefined
  /** Whether there is one at all. */
  has(headers: IncomingHttpHeaders, name: CookieName): boolean
  /** A value of Set-Cookie. */
  set(name: CookieName, value: string, maxAgeSeconds: number): string
  clear(name: CookieName): string
}

/** The session goes with requests of its own site alone; the login has to come along when the provider sends back. */
const sameSite: Readonly<Record<CookieName, string>> = { session: 'Strict', login: 'Lax' }

export function createCookies(isSecure: boolean): Cookies {
  const full = (name: CookieName): string => `${isSecure ? '__Host-' : ''}sallyport-${name}`
  const find = (headers: IncomingHttpHeaders, name: CookieName): string[] =>
    (headers.cookie ?? '')
      .split(';')
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(`${full(name)}=`))
      .map((pair) => pair.slice(full(name).length + 1))
  const set = (name: CookieName, value: string, maxAgeSeconds: number): string =>
    [
      `${full(name)}=${value}`,
      'Path=/',
      `Max-Age=${maxAgeSeconds}`,
      'HttpOnly',
      `SameSite=${sameSite[name]}`,
      ...(isSecure ? ['Secure'] : []),
    ].join('; ')
  return {
    read(headers, name) {
      const [value, ...others] = find(headers, name)
      return others.length === 0 && value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value) ? value : undefined
    },
    has: (headers, name) => find(headers, name).length > 0,
    set,
    clear: (name) => set(name, '', 0),
  }
}
