// A SPIFFE id, strictly: one way to write each, so that equal ids are equal texts and policy can compare them as such.
// No port, no userinfo, no query, no percent sign, no empty or dot segment, nothing in upper case where the
// specification wants lower case. SPIFFE-ID §2; a workload's id has a path.

const form = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)+)$/
const maxLength = 2048 // bound: a SPIFFE id

export interface SpiffeId {
  readonly trustDomain: string
  readonly path: string
}

/** The id in two, or what is wrong with it. */
export function parseSpiffeId(text: string): SpiffeId | string {
  if (text.length > maxLength) return 'a SPIFFE id that is too long'
  const [, trustDomain, path] = form.exec(text) ?? []
  if (trustDomain === undefined || path === undefined) return 'not a SPIFFE id of a workload'
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) return 'a SPIFFE id with a dot segment'
  return { trustDomain, path }
}
