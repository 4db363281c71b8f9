// Certificates and revocation lists for tests, made when they are needed. A small DER writer of its own, so that it
// can also write what no honest library would: two URI names, a name with a percent sign, a CA that poses as a leaf.
// X.509 as RFC 5280 has it; EC P-256 keys, ECDSA with SHA-256.

import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

export interface Issued {
  readonly der: Buffer
  readonly pem: string
  readonly key: KeyObject
  readonly keyPem: string
  readonly serial: Buffer
  /** base64url SHA-256 of the DER */
  readonly thumbprint: string
}

export interface IssueOptions {
  readonly name?: string
  /** what stands in subjectAltName, in this order; a text is a URI */
  readonly names?: readonly (string | { dns: string } | { email: string })[]
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
  readonly isCa?: boolean
  /** bits of KeyUsage by name; undefined: what suits, an empty list: no such extension */
  readonly usages?: readonly (keyof typeof usageBits)[]
  /** Extended key usage; default: client and server authentication */
  readonly purposes?: readonly ('client' | 'server')[]
  /** a second subjectAltName extension with these URIs */
  readonly secondNames?: readonly string[]
  readonly serial?: Buffer
  readonly keys?: { publicKey: KeyObject; privateKey: KeyObject }
}

export interface Authority extends Issued {
  issue(options?: IssueOptions): Issued
  /** an authority below this one */
  found(name: string, options?: IssueOptions): Authority
  revocationList(options?: { revoked?: readonly Issued[]; thisUpdateMs?: number; nextUpdateMs?: number }): string
}

const usageBits = { digitalSignature: 0, nonRepudiation: 1, keyEncipherment: 2, keyCertSign: 5, cRLSign: 6 } as const
const dayMs = 86_400_000

export function foundAuthority(name = 'test authority', options: IssueOptions = {}): Authority {
  const keys = newKeys()
  const own = write({ ...options, name, keys, isCa: true }, { name, key: keys.privateKey })
  return authorityOf(name, own)
}

function authorityOf(name: string, own: Issued): Authority {
  const issuer = { name, key: own.key }
  return {
    ...own,
    issue: (options = {}) => write(options, issuer),
    found: (below, options = {}) => authorityOf(below, write({ ...options, name: below, isCa: true }, issuer)),
    revocationList: ({ revoked = [], thisUpdateMs = Date.now() - dayMs, nextUpdateMs = Date.now() + dayMs } = {}) => {
      const entries = revoked.map((each) => seq(integer(each.serial), time(thisUpdateMs)))
      const list = entries.length === 0 ? [] : [seq(...entries)]
      const body = seq(integer(Buffer.from([1])), ecdsa, nameOf(name), time(thisUpdateMs), time(nextUpdateMs), ...list)
      return pemOf('X509 CRL', signed(body, own.key))
    },
  }
}

export const newKeys = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })

function write(options: IssueOptions, issuer: { name: string; key: KeyObject }): Issued {
  const { name = 'leaf', names = [], isCa = false, keys = newKeys() } = options
  const { notBeforeMs = Date.now() - dayMs, notAfterMs = Date.now() + dayMs } = options
  const { usages = isCa ? ['keyCertSign', 'cRLSign'] : ['digitalSignature'], secondNames, purposes } = options
  const serial = options.serial ?? Buffer.concat([Buffer.from([0x40]), randomBytes(15)])
  const extended = purposes ?? (isCa ? [] : ['client', 'server'])
  const extensions = [
    extension('2.5.29.19', seq(...(isCa ? [boolean(true)] : [])), true),
    ...(usages.length === 0 ? [] : [extension('2.5.29.15', bits(usages.map((usage) => usageBits[usage])), true)]),
    ...(extended.length === 0 ? [] : [extension('2.5.29.37', seq(...extended.map((each) => oid(purposeIds[each]))))]),
    ...(names.length === 0 ? [] : [extension('2.5.29.17', seq(...names.map(generalName)))]),
    ...(secondNames === undefined ? [] : [extension('2.5.29.17', seq(...secondNames.map(generalName)))]),
  ]
  const body = seq(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsa,
    nameOf(issuer.name),
    seq(time(notBeforeMs), time(notAfterMs)),
    nameOf(name),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, seq(...extensions)),
  )
  const der = signed(body, issuer.key)
  return {
    der,
    pem: pemOf('CERTIFICATE', der),
    key: keys.privateKey,
    keyPem: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    serial,
    thumbprint: createHash('sha256').update(der).digest('base64url'),
  }
}

const purposeIds = { client: '1.3.6.1.5.5.7.3.2', server: '1.3.6.1.5.5.7.3.1' } as const

function generalName(name: string | { dns: string } | { email: string }): Buffer {
  if (typeof name === 'string') return tlv(0x86, Buffer.from(name, 'utf8'))
  return 'dns' in name ? tlv(0x82, Buffer.from(name.dns)) : tlv(0x81, Buffer.from(name.email))
}

function signed(body: Buffer, key: KeyObject): Buffer {
  return seq(body, ecdsa, tlv(0x03, Buffer.from([0]), sign('sha256', body, key)))
}

function pemOf(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function tlv(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content)
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body])
  const length = Buffer.from(body.length.toString(16).padStart(body.length < 0x1_0000 ? 4 : 6, '0'), 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body])
}

const seq = (...content: readonly Buffer[]): Buffer => tlv(0x30, ...content)
const integer = (bytes: Buffer): Buffer => tlv(0x02, bytes)
const boolean = (value: boolean): Buffer => tlv(0x01, Buffer.from([value ? 0xff : 0]))
const extension = (id: string, value: Buffer, isCritical = false): Buffer =>
  seq(oid(id), ...(isCritical ? [boolean(true)] : []), tlv(0x04, value))
const nameOf = (common: string): Buffer => seq(tlv(0x31, seq(oid('2.5.4.3'), tlv(0x0c, Buffer.from(common)))))

function oid(id: string): Buffer {
  const [first = 0, second = 0, ...rest] = id.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const digits = [arc & 0x7f]
    for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80)
    bytes.push(...digits)
  }
  return tlv(0x06, Buffer.from(bytes))
}

function bits(set: readonly number[]): Buffer {
  const byte = set.reduce((sum, bit) => sum | (0x80 >> bit), 0)
  return tlv(0x03, Buffer.from([7 - Math.max(...set), byte]))
}

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return Number(digits.slice(0, 4)) < 2050 ? tlv(0x17, Buffer.from(digits.slice(2))) : tlv(0x18, Buffer.from(digits))
}

const ecdsa = seq(oid('1.2.840.10045.4.3.2'))
