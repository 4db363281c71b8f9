// Who connected. Forwarded (RFC 7239) and X-Forwarded-For are believed only from proxies that the configuration
// names, read from the right: the first address that is not such a proxy is the client.

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
      let source = plainAddress(remoteAddress ?? '')
      if (trustedProxies.length === 0 || !isTrusted(source)) return source
      const hops = claimedHops(headers)
      while (hops.length > 0 && isTrusted(source)) {
        const hop = plainAddress(hops.pop() ?? '')
        // an unreadable hop ends the search: the proxy that wrote it is the last thing we know
        if (isIP(hop) === 0) break
        source = hop
      }
      return source
    },
  }
}

function claimedHops(headers: ReadonlyMap<string, string>): string[] {
  const forwarded = headers.get('forwarded')
  if (forwarded !== undefined) {
    return forwarded.split(',').map((element) => /(?:^|;)\s*for="?\[?([^"\];,]+)/i.exec(element)?.[1] ?? '')
  }
  return headers.get('x-forwarded-for')?.split(',') ?? []
}

function plainAddress(address: string): string {
  let plain = address.trim()
  if (plain.startsWith('::ffff:') && plain.includes('.')) plain = plain.slice(7)
  // an IPv4 address may carry a port in Forwarded
  const colon = plain.indexOf(':')
  if (colon > 0 && colon === plain.lastIndexOf(':') && plain.includes('.')) plain = plain.slice(0, colon)
  return plain
}
