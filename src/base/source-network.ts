// What counts as one source of connections. One host has 2^64 addresses of IPv6, so whoever counts by address alone
// counts nothing. It knows no configuration; a proxy in front makes every source one.

import { isIPv6 } from 'node:net'

/** An IPv4 address as it is (also when mapped into IPv6); of an IPv6 address the first 64 bits. */
export function sourceNetwork(source: string): string {
  if (!isIPv6(source)) return source
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(source)
  if (mapped?.[1] !== undefined) return mapped[1]
  const [head = '', tail] = (source.split('%')[0] ?? '').split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':')
    const width = last.length + (last.at(-1)?.includes('.') === true ? 1 : 0)
    while (groups.length + width < 8) groups.push('0')
    groups.push(...last)
  }
  const network = groups.slice(0, 4).map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
  return `${network.join(':')}::/64`
}
