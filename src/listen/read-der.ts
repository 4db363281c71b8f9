// Just enough DER to tell which certificate is meant: names as the bytes they are, serial numbers, a revocation
// list's entries. A list of twenty thousand takes tens of milliseconds, a general parser takes a second for it.
// The handshake has judged the same bytes with OpenSSL before anything here is asked; what is read here only takes
// authority away. X.690 §8, §10; RFC 5280 §4.1, §5.1.

interface Element {
  readonly tag: number
  /** where its tag stands, its content begins and it ends */
  readonly start: number
  readonly content: number
  readonly end: number
}

export interface CertificateNames {
  /** DER of the names */
  readonly issuer: string
  readonly subject: string
  /** content of the INTEGER, hex */
  readonly serial: string
}

export interface RevocationList {
  readonly issuer: string
  readonly thisUpdateMs: number
  readonly nextUpdateMs: number
  /** content of each INTEGER, hex */
  readonly serials: ReadonlySet<string>
}

const sequence = 0x30
const integer = 0x02

export function readNames(der: Buffer): CertificateNames {
  const tbs = inside(der, inside(der, read(der, 0, der.length), sequence)[0], sequence)
  const first = tbs[0]?.tag === 0xa0 ? 1 : 0
  const [serial, , issuer, , subject] = tbs.slice(first)
  return { serial: contentHex(der, serial, integer), issuer: whole(der, issuer), subject: whole(der, subject) }
}

export function readRevocationList(der: Buffer): RevocationList {
  const [tbs] = inside(der, read(der, 0, der.length), sequence)
  const fields = inside(der, tbs, sequence)
  const at = fields[0]?.tag === integer ? 1 : 0
  const [, issuer, thisUpdate, nextUpdate, entries] = fields.slice(at)
  const serials = new Set<string>()
  // the last field of the five is left out where nothing is revoked; extensions are tagged
  if (entries?.tag === sequence)
    for (const entry of inside(der, entries, sequence))
      serials.add(contentHex(der, inside(der, entry, sequence)[0], integer))
  return {
    issuer: whole(der, issuer),
    thisUpdateMs: readTime(der, thisUpdate),
    // RFC 5280 §5.1.2.5 wants it; a list without one would never be out of date
    nextUpdateMs: readTime(der, nextUpdate),
    serials,
  }
}

function read(der: Buffer, start: number, limit: number): Element {
  const tag = der[start] ?? 0
  const first = der[start + 1]
  if (first === undefined || (tag & 0x1f) === 0x1f) throw new Error('not DER')
  const octets = first < 0x80 ? 0 : first & 0x7f
  if (octets > 4 || first === 0x80 || start + 2 + octets > limit) throw new Error('not DER')
  const content = start + 2 + octets
  const length = octets === 0 ? first : der.readUIntBE(start + 2, octets)
  if (content + length > limit) throw new Error('not DER')
  return { tag, start, content, end: content + length }
}

function inside(der: Buffer, element: Element | undefined, tag: number): Element[] {
  if (element?.tag !== tag) throw new Error('not DER')
  const found: Element[] = []
  for (let at = element.content; at < element.end;) {
    const each = read(der, at, element.end)
    found.push(each)
    at = each.end
  }
  return found
}

function whole(der: Buffer, element: Element | undefined): string {
  if (element?.tag !== sequence) throw new Error('not DER')
  return der.toString('latin1', element.start, element.end)
}

function contentHex(der: Buffer, element: Element | undefined, tag: number): string {
  if (element?.tag !== tag) throw new Error('not DER')
  return der.toString('hex', element.content, element.end)
}

/** UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 has them: with seconds, in Z. */
function readTime(der: Buffer, element: Element | undefined): number {
  const isShort = element?.tag === 0x17
  if (element === undefined || (!isShort && element.tag !== 0x18)) throw new Error('not a time')
  const text = der.toString('latin1', element.content, element.end)
  const form = isShort ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  const [year = 0, month = 0, ...rest] = (form.exec(text) ?? []).slice(1).map(Number)
  if (rest.length !== 4) throw new Error('not a time')
  const fullYear = isShort ? year + (year < 50 ? 2000 : 1900) : year
  return Date.UTC(fullYear, month - 1, ...(rest as [number, number, number, number]))
}
