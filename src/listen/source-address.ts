// Who connected. The field that declared proxies write (RFC 7239 Forwarded, or X-Forwarded-For) is believed from them
// alone, read from the right: the first address that is not such a proxy is the client. The other field is whatever
// the client wrote and is never read. Where the proxies do not say who the client is, nobody is: a proxy's own
// address, which lies in the inner network, never stands in for its caller's.

import { BlockList, isIP } from 'node:net'

/** A source that is no address, and so in no network; all who are unknown share one allowance of refusals. */
export const unknownSource = 'unknown'

export interface ProxyTrust {
  readonly trustedProxies: readonly string[]
  /** the one field that they write */
  readonly proxyHeader: 'forwarded' | 'x-forwarded-for'
}

export interface SourceReader {
  read(remoteAddress: string | undefined, headers: ReadonlyMap<string, string>): string
}

export function createSourceReader({ trustedProxies, proxyHeader }: ProxyTrust): SourceReader {
  const trusted = new BlockList()
  for (const proxy of trustedProxies) {
    const [network = '', bits] = proxy.split('/')
    const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
    if (isIP(network) === 0) continue
    if (bits === undefined) trusted.addAddress(network, family)
    else trusted.addSubnet(network, Number(bits), family)
  }
  const isTrusted = (address: string): boolean => {
    const family = isIP(address)
    return family !== 0 && trusted.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
  return {
    read(remoteAddress, headers) {
      const peer = plainAddress(remoteAddress ?? '')
      if (trustedProxies.length === 0 || !isTrusted(peer)) return peer
      const field = headers.get(proxyHeader)
      if (field === undefined) return unknownSource
      let source = unknownSource
      for (const element of field.split(',').reverse()) {
        source = addressOf(proxyHeader === 'forwarded' ? forOf(element) : element)
        // an unreadable hop is no proxy either: the search ends with it
        if (!isTrusted(source)) break
      }
      return source
    },
  }
}

// quoted where it holds a colon; a comma within quotes cannot part a proxy's own element from the right
const forMember = /(?:^|;)\s*for=("?)([^";,]*)\1\s*(?:;|$)/i

function forOf(element: string): string {
  return forMember.exec(element.trim())?.[2] ?? ''
}

// `203.0.113.9`, `203.0.113.9:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`
const hopForm = /^\s*(?:\[([0-9a-f:.]+)\](?::\d{1,5})?|([0-9.]+)(?::\d{1,5})?|([0-9a-f:.]+))\s*$/i

function addressOf(hop: string): string {
  const form = hopForm.exec(hop)
  if (form === null) return unknownSource
  const [, bracketed, v4, v6] = form
  const address = bracketed ?? v4 ?? v6 ?? ''
  const isAddress = bracketed === undefined ? isIP(address) !== 0 : isIP(address) === 6
  return isAddress ? plainAddress(address) : unknownSource
}

/** Without a zone, which only says by which of a machine's interfaces; an IPv4 address mapped into IPv6 is one. */
function plainAddress(address: string): string {
  const zone = address.indexOf('%')
  const plain = (zone < 0 ? address : address.slice(0, zone)).toLowerCase()
  return plain.startsWith('::ffff:') && plain.includes('.') ? plain.slice(7) : plain
}
