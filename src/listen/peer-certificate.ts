// The client's certificate of a TLS connection, read once when the handshake is done. Only a certificate that the
// handshake verified against gateway.tls.clientCa counts: in optional mode TLS lets the others through too, so what
// it found is asked here. A certificate that did not verify ends its connection: who shows one believes that it
// counts, and must not be served as somebody who showed none. Fields such as X-Forwarded-Client-Cert are never read.

import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { PeerCertificate } from '../exchange/exchange.ts'

export type Presented = PeerCertificate | 'none' | 'unverified'

export function readPeer(socket: TLSSocket): Presented {
  const certificate = socket.getPeerX509Certificate()
  // `authorized` alone says nothing: without a certificate it can be true, and with one false
  if (certificate === undefined) return 'none'
  if (!socket.authorized) return 'unverified'
  const der = Buffer.from(certificate.raw)
  return Object.freeze({ der, thumbprint: createHash('sha256').update(der).digest('base64url') })
}
