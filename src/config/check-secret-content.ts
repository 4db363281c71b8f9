// What lies behind a reference must be of use where it is put: a header's value, a certificate, its key. Found when
// the file is loaded rather than at the first call. Never says anything of a secret's content.

import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { ConfigPath, Finding } from './problem.ts'

/** A secret that could be read; `position` is its path with `*` for list indexes. */
export interface ReadSecret {
  readonly path: ConfigPath
  readonly position: string
  readonly reference: string
  readonly bytes: Buffer
}

export function checkSecretContents(secrets: readonly ReadSecret[]): Finding[] {
  return [
    ...secrets.flatMap(checkContent),
    ...secrets.flatMap((secret) => checkPair(secret, secrets)),
    ...checkAdminTokens(secrets),
  ]
}

/** A token says who its holder is: it cannot be two, and nobody can guess it. */
function checkAdminTokens(secrets: readonly ReadSecret[]): Finding[] {
  const tokens = secrets.filter(({ position }) => position === 'admin.token' || position === 'admin.tokens.*.token')
  return tokens.flatMap(({ path, position, reference, bytes }, at): Finding[] => {
    if (tokens.slice(0, at).some((before) => before.bytes.equals(bytes)))
      return [
        { path, message: `${reference} holds the token of another entry`, hint: 'make one: openssl rand -hex 32' },
      ]
    if (position === 'admin.token' || /^[!-~]{32,512}$/.test(bytes.toString('latin1'))) return []
    const hint = 'make one: openssl rand -hex 32'
    return [{ path, message: `${reference} holds no token of 32 to 512 visible characters`, hint }]
  })
}

function checkContent(secret: ReadSecret): Finding[] {
  const { path, position, reference, bytes } = secret
  if (position === 'agents.*.credential.value') {
    if (/^[!-~]([\t -~]*[!-~])?$/.test(bytes.toString('latin1'))) return []
    const hint = 'one line of plain ASCII, without control characters or blanks at its ends'
    return [{ path, message: `${reference} holds what cannot be the value of a header`, hint }]
  }
  if (position === 'gateway.tls.crl') {
    if (canBeListOfRevoked(bytes)) return []
    const hint = 'expected PEM: -----BEGIN X509 CRL-----'
    return [{ path, message: `${reference} holds no revocation list that can be read`, hint }]
  }
  if (certificatePositions.has(position) && readCertificates(bytes) === undefined) {
    const hint = 'expected PEM: -----BEGIN CERTIFICATE-----'
    return [{ path, message: `${reference} holds no certificate that can be read`, hint }]
  }
  if (!Object.hasOwn(certificateOfKey, position) || readKey(bytes) !== undefined) return []
  const hint = 'expected PEM without a passphrase: -----BEGIN PRIVATE KEY-----'
  return [{ path, message: `${reference} holds no private key that can be read`, hint }]
}

const certificatePositions: ReadonlySet<string> = new Set([
  'gateway.tls.certificate',
  'gateway.tls.clientCa',
  'gateway.tls.credentialBundle',
  'identity.mtls.spiffe.*.ca',
  'identity.mtls.subjects.*.ca',
  'agents.*.tls.ca',
  'agents.*.tls.credentialBundle',
  'audit.witness.witnesses.*.ca',
  'audit.export.*.ca',
  'identity.kubernetes.*.ca',
  'identity.kubernetes.*.certificate',
  'agents.*.tls.certificate',
])

/** position of a private key → that of the certificate beside it */
const certificateOfKey: Readonly<Record<string, string>> = {
  'gateway.tls.key': 'gateway.tls.certificate',
  'agents.*.tls.key': 'agents.*.tls.certificate',
  // both in one file
  'gateway.tls.credentialBundle': 'gateway.tls.credentialBundle',
  'agents.*.tls.credentialBundle': 'agents.*.tls.credentialBundle',
  'identity.kubernetes.*.key': 'identity.kubernetes.*.certificate',
}

function checkPair(key: ReadSecret, secrets: readonly ReadSecret[]): Finding[] {
  const wanted = Object.hasOwn(certificateOfKey, key.position) ? certificateOfKey[key.position] : undefined
  if (wanted === undefined) return []
  const folder = JSON.stringify(key.path.slice(0, -1))
  const beside = secrets.find((each) => each.position === wanted && JSON.stringify(each.path.slice(0, -1)) === folder)
  const [certificate] = beside === undefined ? [] : (readCertificates(beside.bytes) ?? [])
  const privateKey = readKey(key.bytes)
  if (certificate === undefined || privateKey === undefined || certificate.checkPrivateKey(privateKey)) return []
  const hint = 'the first certificate of the file must be the one made for this key'
  return [{ path: key.path, message: `${key.reference} is not the key of the certificate beside it`, hint }]
}

function canBeListOfRevoked(bytes: Buffer): boolean {
  const lists = bytes.toString('latin1').match(/-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g) ?? []
  try {
    for (const crl of lists) createSecureContext({ crl })
    return lists.length > 0
  } catch {
    // its only complaint is that the bytes are no list
    return false
  }
}

function readCertificates(bytes: Buffer): X509Certificate[] | undefined {
  const blocks = bytes.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  try {
    return blocks.length === 0 ? undefined : blocks.map((block) => new X509Certificate(block))
  } catch {
    // its only complaint is that the bytes are no certificate
    return undefined
  }
}

function readKey(bytes: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey(bytes)
  } catch {
    // no key, or one that needs a passphrase: of no use either way
    return undefined
  }
}
