// Who connected. Forwarded (RFC 7239) and X-Forwarded-For are believed only from proxies that the configuration
// names, read from the right: the first address that is not such a proxy is the client. Where both are there and
// disagree, one of them is what the client wrote, and neither is believed.

import { BlockList, isIP } from 'node:net'

export interface SourceReader {
  read(remoteAddress: string | undefined, headers: ReadonlyMap<string, string>): string
}

export function createSourceReader(trustedProxies: readonly string[]): SourceReader {
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
      const [one = peer, other = one] = claimedHops(headers).map((hops) => follow(peer, hops))
      return one === other ? one : peer
    },
  }

  function follow(peer: string, hops: string[]): string {
    let source = peer
    while (hops.length > 0 && isTrusted(source)) {
      const hop = plainAddress(hops.pop() ?? '')
      // an unreadable hop ends the search: the proxy that wrote it is the last thing we know
      if (isIP(hop) === 0) break
      source = hop
    }
    return source
  }
}

const forMember = /(?:^|;)\s*for="?\[?([^"\];,]+)/i

/** A list of hops for each field that is there, the oldest hop first. */
function claimedHops(headers: ReadonlyMap<string, string>): string[][] {
  const forwarded = headers.get('forwarded')?.split(',')
  const forwardedFor = headers.get('x-forwarded-for')?.split(',')
  const claims: string[][] = []
  if (forwarded !== undefined) claims.push(forwarded.map((element) => forMember.exec(element)?.[1] ?? ''))
  if (forwardedFor !== undefined) claims.push(forwardedFor)
  return claims
}

function plainAddress(address: string): string {
  let plain = address.trim()
  if (plain.startsWith('::ffff:') && plain.includes('.')) plain = plain.slice(7)
  // an IPv4 address may carry a port in Forwarded
  const colon = plain.indexOf(':')
  if (colon > 0 && colon === plain.lastIndexOf(':') && plain.includes('.')) plain = plain.slice(0, colon)
  return plain
}
