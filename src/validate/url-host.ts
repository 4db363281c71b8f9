// The host that a URL names, for policy, or nothing when two URL parsers could disagree about it. The gateway
// fetches none of these URLs; an agent may. Userinfo, backslashes, white space, odd spellings of addresses and
// half-absolute forms are how an allow-listed name hides another host (RFC 3986 §3.2, WHATWG URL §4.4).

// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const ambiguous = /[\u0000-\u0020\u007f-\u009f\\]/
const schemeOnly = /^([a-z][a-z0-9+.-]*):/i
const withAuthority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i
const authorityForm = /^(\[[0-9a-f:.]+\]|[a-z0-9._~-]*)(?::\d{1,5})?$/i
// WHATWG parsers find a host behind these even without two slashes, or with three.
const special: ReadonlySet<string> = new Set(['http', 'https', 'ws', 'wss', 'ftp', 'file'])
const longestUrl = 8192

/** Lower-case host, '' where the scheme has none (`data:`), undefined when the URL is not absolute and unambiguous. */
export function urlHost(url: string): string | undefined {
  if (url.length > longestUrl && !url.startsWith('data:')) return undefined
  if (ambiguous.test(url)) return undefined
  const scheme = schemeOnly.exec(url)?.[1]?.toLowerCase()
  if (scheme === undefined) return undefined
  const authority = withAuthority.exec(url)?.[1]
  if (authority === undefined) return special.has(scheme) ? undefined : ''
  const host = authorityForm.exec(authority)?.[1]?.toLowerCase()
  if (host === undefined || host.endsWith('.')) return undefined
  if (host === '') return scheme === 'file' && authority === '' ? '' : undefined
  return parsesTo(url, host) ? host : undefined
}

function parsesTo(url: string, host: string): boolean {
  try {
    return new URL(url).hostname === host
  } catch {
    return false // not a URL for the platform's own parser
  }
}

/** True for an http or https URL whose host is beyond doubt: what a webhook needs at least. */
export function isWebUrl(url: string): boolean {
  return /^https?:\/\//i.test(url) && Boolean(urlHost(url))
}
