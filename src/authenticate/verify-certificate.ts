// The principal that a client certificate names. The handshake has proven the key and the chain; here it is read which
// name it is for: exactly one SPIFFE id of a configured trust domain, or one configured DNS name or URI. Read from
// DER, never from a formatted line in which a name could hold the separator. X.509-SVID §2-5; RFC 5280 §4.2.1.

import type { Clock } from '../base/clock.ts'
import type { MtlsConfig, Snapshot } from '../config/config.ts'
import type { Caller, PeerCertificate } from '../exchange/exchange.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { readCertificate, type CertificateFacts } from './read-certificate.ts'
import { parseSpiffeId } from './spiffe-id.ts'
import { quote, refuseInvalid } from './unauthenticated.ts'

export interface CertificateVerifier {
  verify(peer: PeerCertificate, snapshot: Snapshot): Caller | Refusal
}

/** Whether certificates are credentials at all, or only asked for in the handshake. */
export function namesCallers({ spiffe, subjects }: MtlsConfig): boolean {
  return spiffe.length > 0 || subjects.length > 0
}

export function createCertificateVerifier(options: { clock: Clock }): CertificateVerifier {
  const { clock } = options
  // a certificate is read once per connection, and judged anew under another configuration
  const proven = new WeakMap<PeerCertificate, { readonly by: MtlsConfig; readonly result: Caller | Refusal }>()

  const prove = (peer: PeerCertificate, config: MtlsConfig): Caller | Refusal => {
    const facts = readCertificate(peer.der)
    if (typeof facts === 'string') return refuseInvalid(`client certificate: ${facts}`)
    const unfit = findUnfit(facts, config.maxLife)
    if (unfit !== undefined) return refuseInvalid(`client certificate: ${unfit}`)
    const named = nameOf(facts, config)
    if (typeof named === 'string') return refuseInvalid(`client certificate: ${named}`)
    const { id, bundle } = named
    const isVouched = (): boolean => bundle === undefined || peer.isVouchedBy(bundle)
    return {
      id,
      groups: [],
      display: id,
      method: 'mtls',
      senderConstrained: 'mtls',
      credential: peer.thumbprint.slice(0, 16),
      evidence: { subject: id, serial: facts.serial, thumbprint: peer.thumbprint },
      expiresAtMs: facts.notAfterMs,
      isRevoked: () => peer.problem() !== undefined || !isVouched(),
    }
  }

  return {
    verify: (peer, snapshot) => {
      const config = snapshot.config.identity.mtls
      let known = proven.get(peer)
      if (known?.by !== config) {
        known = { by: config, result: prove(peer, config) }
        proven.set(peer, known)
      }
      const { result } = known
      if (isRefusal(result)) return result
      if (clock.nowMs() >= result.expiresAtMs) return refuseInvalid('client certificate: expired')
      return result.isRevoked() ? refuseInvalid(`client certificate: nobody vouches for ${quote(result.id)}`) : result
    },
  }
}

/** Why a certificate is not one of a single caller, whatever it is called. */
function findUnfit(facts: CertificateFacts, maxLifeMs: number | undefined): string | undefined {
  if (facts.isCa) return 'of an authority'
  if (!facts.usages.has('digitalSignature')) return 'not for signatures'
  if (facts.usages.has('keyCertSign') || facts.usages.has('crlSign')) return 'its key may sign certificates or lists'
  if (maxLifeMs !== undefined && facts.notAfterMs - facts.notBeforeMs > maxLifeMs) return 'valid for too long'
  return undefined
}

interface Named {
  readonly id: string
  /** whose authorities must vouch for it, where the configuration says which */
  readonly bundle: string | undefined
}

function nameOf(facts: CertificateFacts, config: MtlsConfig): Named | string {
  if (facts.uris.some((uri) => /^spiffe:/i.test(uri))) {
    const [uri = '', another] = facts.uris
    if (another !== undefined) return 'a SPIFFE id beside another URI'
    const id = parseSpiffeId(uri)
    if (typeof id === 'string') return id
    const domain = config.spiffe.find(({ trustDomain }) => trustDomain === id.trustDomain)
    if (domain === undefined) return `trust domain ${quote(id.trustDomain)} is not configured`
    return { id: uri, bundle: domain.ca === undefined ? undefined : `spiffe://${domain.trustDomain}` }
  }
  const found = config.subjects.flatMap(({ name, ca, certificates }) =>
    certificates
      .filter(({ dns, uri }) => (dns === undefined ? isOneOf(uri, facts.uris) : isOneOf(dns, facts.dnsNames)))
      .map(({ subject }) => ({ id: `user:${name}/${subject}`, bundle: ca === undefined ? undefined : `user:${name}` })),
  )
  const [named, another] = found
  if (named === undefined) return 'none of its names is configured'
  return another === undefined ? named : 'its names are those of two subjects'
}

const isOneOf = (name: string | undefined, names: readonly string[]): boolean =>
  name !== undefined && names.includes(name)
