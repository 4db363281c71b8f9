// The client's certificate of a TLS connection, read once when the handshake is done. Only a certificate that the
// handshake verified against gateway.tls.clientCa counts: in optional mode TLS lets the others through too, so what
// it found is asked here. A certificate that did not verify ends its connection: who shows one believes that it
// counts, and must not be served as somebody who showed none. Fields such as X-Forwarded-Client-Cert are never read.

import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../base/clock.ts'
import type { PeerCertificate } from '../exchange/exchange.ts'
import type { ClientTrust, Judged } from './client-trust.ts'

export type Presented = PeerCertificate | 'none' | 'unverified'

/** `trust` gives what is in force now; another object means that its files changed. */
export function readPeer(socket: TLSSocket, clock: Clock, trust: () => ClientTrust | undefined): Presented {
  const leaf = socket.getPeerX509Certificate()
  // `authorized` alone says nothing: without a certificate it can be true, and with one false
  if (leaf === undefined) return 'none'
  if (!socket.authorized) return 'unverified'
  const der = Buffer.from(leaf.raw)
  const sent = sentWith(leaf)
  let judgedBy: ClientTrust | undefined
  let judged: Judged | undefined
  const judge = (): Judged | undefined => {
    const now = trust()
    const nowMs = clock.nowMs()
    if (judged === undefined || judgedBy !== now || nowMs >= judged.untilMs) {
      judged = now?.judge(leaf, sent, nowMs)
      judgedBy = now
    }
    return judged
  }
  return Object.freeze({
    der,
    thumbprint: createHash('sha256').update(der).digest('base64url'),
    problem: () => {
      const now = judge()
      return now === undefined ? 'nobody vouches for client certificates' : now.problem
    },
    isVouchedBy: (bundle: string) => judge()?.vouchers.has(bundle) === true,
  })
}

/** The certificates beside the leaf, as the client sent them; OpenSSL bounds their bytes. */
function sentWith(leaf: X509Certificate): X509Certificate[] {
  const sent: X509Certificate[] = []
  for (let above = leaf.issuerCertificate; above !== undefined && sent.length < 10; above = above.issuerCertificate)
    sent.push(above)
  return sent
}
