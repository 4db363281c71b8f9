// How we prove ourselves to an API server: a token and certificates that lie in files and rotate there. The kubelet
// swaps a projected token long before it ends, so files are read again every minute, and at once when the API server
// no longer takes what we have. What was read stays in this object; it enters no message and no record.

import { hash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { Secret } from '../base/secret.ts'
import type { TlsClient } from '../forward/forward.ts'
import { ClusterFault } from './cluster-fault.ts'

/** References, `file:PATH` or `env:NAME`. */
export interface CredentialReferences {
  readonly ca?: string | undefined
  readonly token?: string | undefined
  readonly certificate?: string | undefined
  readonly key?: string | undefined
}

export interface Credential {
  /** undefined where a client certificate is all we have */
  readonly token: Secret | undefined
  readonly tls: TlsClient
  /** differs when anything of it does */
  readonly digest: string
}

export interface CredentialSource {
  current(): Credential
  /** The API server refused what we have: reads again. True when something else was found. */
  reread(): boolean
}

const rereadMs = 60_000 // bound: age at which the credential for an API server is read again
/** what fits into a header field: a JWT, or any other opaque token */
const tokenForm = /^[A-Za-z0-9._~+/-]+=*$/

export function createCredentialSource(
  references: CredentialReferences,
  resolve: (reference: string) => Secret,
  clock: Clock,
): CredentialSource {
  let known: Credential | undefined
  let readAtMs = -Infinity

  const read = (): Credential => {
    try {
      const part = (reference: string | undefined): Secret | undefined =>
        reference === undefined ? undefined : resolve(reference)
      const [ca, certificate, key] = [part(references.ca), part(references.certificate), part(references.key)]
      const token = part(references.token)?.bytes().toString('latin1').trim()
      if (token !== undefined && !tokenForm.test(token)) throw new Error('the token is not one')
      const tls = {
        ...(ca && { ca: ca.bytes() }),
        ...(certificate && { certificate: certificate.bytes() }),
        ...(key && { key }),
      }
      const parts = [token ?? '', ...[ca, certificate, key].map((each) => each?.bytes().toString('base64') ?? '')]
      const digest = hash('sha256', JSON.stringify(parts), 'base64url')
      return { token: token === undefined ? undefined : Secret.ofText(token), tls, digest }
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : 'unknown reason'
      throw new ClusterFault('CREDENTIAL', `our credential for the API server cannot be read: ${why}`, { cause })
    }
  }
  const refresh = (): Credential => {
    known = read()
    readAtMs = clock.monotonicMs()
    return known
  }

  return {
    current() {
      if (known === undefined) return refresh()
      if (clock.monotonicMs() - readAtMs < rereadMs) return known
      try {
        return refresh()
      } catch {
        // a file in the middle of being swapped: what we have may still do, and the next call looks again
        return known
      }
    },
    reread() {
      const before = known?.digest
      return refresh().digest !== before
    },
  }
}
