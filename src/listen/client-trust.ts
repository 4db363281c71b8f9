// Who vouches for client certificates, and whether they still do. The handshake verifies a chain with OpenSSL, once;
// a connection may live on for hours while its authority is taken out of the bundle, its certificate is revoked or
// its time runs out. Here the same chain is asked again whenever the files changed. It only ever takes away: nobody
// becomes a peer by what is found here. RFC 5280 §6, without what OpenSSL has judged and no file can change.

import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { readNames, readRevocationList, type CertificateNames, type RevocationList } from './read-der.ts'

export interface ClientTrustFiles {
  /** PEM bundle: who vouches for client certificates */
  readonly clientCa: Buffer
  /** PEM bundles of those that some names need, each a part of what clientCa holds */
  readonly bundles?: ReadonlyMap<string, Buffer> | undefined
  /** PEM: a revocation list of each authority; when given, a chain without current ones is refused */
  readonly revocationLists?: Buffer | undefined
}

export interface Judged {
  /** why the chain counts no more */
  readonly problem: string | undefined
  /** when it has to be asked again, whatever the files say; a problem never ends by time */
  readonly untilMs: number
  /** the names of `bundles` whose authorities vouch for it */
  readonly vouchers: ReadonlySet<string>
}

export interface ClientTrust {
  readonly context: Pick<SecureContextOptions, 'ca' | 'crl'>
  /** `sent`: what the client sent beside its own certificate, in any order */
  judge(leaf: X509Certificate, sent: readonly X509Certificate[], nowMs: number): Judged
}

const maxPath = 8 // bound: certificates in a client's chain
const maxVerifications = 64 // bound: signatures verified for one client's chain

interface Known {
  readonly certificate: X509Certificate
  readonly names: CertificateNames
}

/** Throws where a file is not what it should be. */
export function createClientTrust(files: ClientTrustFiles): ClientTrust {
  const anchors = certificatesOf(files.clientCa)
  const bundles = new Map([...(files.bundles ?? [])].map(([name, pem]) => [name, certificatesOf(pem)]))
  const crls = files.revocationLists === undefined ? undefined : blocksOf(files.revocationLists, 'X509 CRL')
  if (crls?.length === 0) throw new Error('no revocation list in it')
  const lists = crls?.map((pem) => readRevocationList(derOf(pem)))
  const context = { ca: anchors.map((each) => each.toString()), ...(crls && { crl: crls }) }
  // OpenSSL must be able to read them too, before they take the place of what works
  createSecureContext(context)

  return {
    context,
    judge(leaf, sent, nowMs) {
      const path = findPath(leaf, sent, anchors)
      if (path === undefined) return distrusted('no authority of gateway.tls.clientCa vouches for it')
      const problem = path.map((each, at) => judgeOne(each, path[at + 1], lists, nowMs)).find((each) => each !== '')
      if (problem !== undefined) return distrusted(problem)
      const vouchers = [...bundles].filter(([, own]) => findPath(leaf, sent, own) !== undefined)
      return {
        problem: undefined,
        untilMs: Math.min(
          ...path.map(({ certificate }) => certificate.validToDate.getTime()),
          ...(lists ?? []).map((list) => list.nextUpdateMs).filter((endMs) => nowMs < endMs),
        ),
        vouchers: new Set(vouchers.map(([name]) => name)),
      }
    },
  }
}

const distrusted = (problem: string): Judged => ({ problem, untilMs: Infinity, vouchers: new Set() })

/** From the leaf to an anchor, both included; undefined when there is none. */
function findPath(
  leaf: X509Certificate,
  sent: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
): Known[] | undefined {
  let left = maxVerifications
  const isIssuedBy = (below: X509Certificate, above: X509Certificate): boolean =>
    below.checkIssued(above) && (left -= 1) >= 0 && below.verify(above.publicKey)
  const climb = (from: X509Certificate, length: number): X509Certificate[] | undefined => {
    const anchor = anchors.find((each) => isIssuedBy(from, each))
    if (anchor !== undefined) return [from, anchor]
    if (length + 2 > maxPath) return undefined
    for (const above of sent) {
      if (!above.ca || above.raw.equals(from.raw) || !isIssuedBy(from, above)) continue
      const rest = climb(above, length + 1)
      if (rest !== undefined) return [from, ...rest]
    }
    return undefined
  }
  return climb(leaf, 0)?.map((certificate) => ({ certificate, names: readNames(certificate.raw) }))
}

/** What is wrong with one certificate of a path, '' for nothing. An anchor has nobody above it. */
function judgeOne(
  { certificate, names }: Known,
  issuer: Known | undefined,
  lists: readonly RevocationList[] | undefined,
  nowMs: number,
): string {
  if (nowMs >= certificate.validToDate.getTime()) return 'a certificate of its chain has expired'
  if (nowMs < certificate.validFromDate.getTime()) return 'a certificate of its chain is not yet valid'
  if (lists === undefined || issuer === undefined) return ''
  const ofIssuer = lists.filter((list) => list.issuer === issuer.names.subject)
  // by any list, also one that is out of date: what was revoked once stays so
  if (ofIssuer.some((list) => list.serials.has(names.serial))) return 'a certificate of its chain is revoked'
  const isCurrent = ofIssuer.some((list) => list.thisUpdateMs <= nowMs && nowMs < list.nextUpdateMs)
  return isCurrent ? '' : 'no current revocation list of its issuer'
}

function certificatesOf(pem: Buffer): X509Certificate[] {
  const blocks = blocksOf(pem, 'CERTIFICATE')
  if (blocks.length === 0) throw new Error('no certificate in it')
  return blocks.map((block) => new X509Certificate(block))
}

/** The blocks of one kind. A file that ends within one was not written to its end. */
function blocksOf(pem: Buffer, label: string): string[] {
  const text = pem.toString('latin1')
  const found = text.match(new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, 'g')) ?? []
  const begun = text.split(`-----BEGIN ${label}-----`).length - 1
  if (begun !== found.length) throw new Error('it is cut off')
  return found
}

const derOf = (pem: string): Buffer => Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64')
