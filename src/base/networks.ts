// Networks as people write them (10.0.0.0/8, 2001:db8::/32), and whether an address lies in one. An IPv4 address
// mapped into IPv6 is that IPv4 address, in both. What is no address, `unknown` among it, lies in no network.

import { isIP } from 'node:net'

/** An address as a number of 32 or 128 bits. */
interface Address {
  readonly width: 32 | 128
  readonly value: bigint
}
interface Network extends Address {
  readonly prefix: number
}

export interface NetworkSet {
  /** false for what is no address */
  has(source: string): boolean
}

/** Networks that were checked before; one that cannot be read holds nobody. An empty list holds nobody. */
export function createNetworkSet(networks: readonly string[]): NetworkSet {
  const parsed = networks.map(parse).filter((network) => typeof network !== 'string')
  return {
    has: (source) => {
      const address = parseAddress(source)
      return address !== undefined && parsed.some((network) => contains(network, address))
    },
  }
}

/** Why this is no network that can be used; undefined when it is one. A single address is one. */
export function findNetworkProblem(text: string): string | undefined {
  const network = parse(text)
  return typeof network === 'string' ? network : undefined
}

/** The surroundings of an address: its /24, or /48 of IPv6; what is no address stays as it is. */
export function surroundingNetwork(source: string): string {
  const address = parseAddress(source)
  if (address === undefined) return source
  const { width, value } = address
  const kept = width === 32 ? 24 : 48
  const shift = BigInt(width - kept)
  return `${format({ width, value: (value >> shift) << shift })}/${kept}`
}

function parse(text: string): Network | string {
  const slash = text.indexOf('/')
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash))
  if (address === undefined) return 'not an IP address or network'
  const written = slash < 0 ? undefined : text.slice(slash + 1)
  if (written !== undefined && !/^(0|[1-9]\d{0,2})$/.test(written)) return 'not an IP address or network'
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8
  const isMapped = address.width === 32 && text.includes(':')
  const prefix = written === undefined ? address.width : Number(written) - (isMapped ? 96 : 0)
  if (prefix < 0 || prefix > address.width) return `a prefix of this kind has 0 to ${address.width} bits`
  const network = { ...address, prefix }
  const rest = BigInt(address.width - prefix)
  return (address.value >> rest) << rest === address.value
    ? network
    : `has bits beyond its prefix; write ${format({ width: address.width, value: (address.value >> rest) << rest })}/${prefix}`
}

function contains(network: Network, address: Address): boolean {
  const rest = BigInt(network.width - network.prefix)
  return network.width === address.width && network.value >> rest === address.value >> rest
}

const mappedPrefix = 0xffffn

function parseAddress(text: string): Address | undefined {
  const family = isIP(text)
  // a zone says by which of a machine's interfaces: it has no place in a network
  if (family === 0 || text.includes('%')) return undefined
  if (family === 4) return { width: 32, value: parseV4(text) }
  const value = parseV6(text)
  return value >> 32n === mappedPrefix ? { width: 32, value: value & 0xffff_ffffn } : { width: 128, value }
}

function parseV4(text: string): bigint {
  return BigInt(text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0))
}

function parseV6(text: string): bigint {
  const dotted = /(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (dotted !== null) {
    const low = parseV4(dotted[2] ?? '')
    return parseV6(`${dotted[1] ?? ''}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`)
  }
  const [head = '', tail] = text.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const last = tail === '' ? [] : tail.split(':')
    while (groups.length + last.length < 8) groups.push('0')
    groups.push(...last)
  }
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

function format({ width, value }: Address): string {
  const part = (bits: number, at: number): bigint => (value >> BigInt(at)) & ((1n << BigInt(bits)) - 1n)
  if (width === 32) return [24, 16, 8, 0].map((at) => part(8, at)).join('.')
  const groups = [112, 96, 80, 64, 48, 32, 16, 0].map((at) => part(16, at).toString(16))
  // the run of zeros at the end, which every network has
  return groups
    .join(':')
    .replace(/(^|:)0(:0)+$/, '::')
    .replace(/^0:0$/, '::')
}
