// What a certificate says, from its DER: names by their kind, what its key is for, when it is valid. The one place
// where certificates are parsed for identity. A certificate that says one thing twice is refused: RFC 5280 §4.2.

import { AsnParser } from '@peculiar/asn1-schema'
import {
  BasicConstraints,
  Certificate,
  KeyUsage,
  SubjectAlternativeName,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  type Extension,
  type KeyUsageType,
} from '@peculiar/asn1-x509'

export interface CertificateFacts {
  /** of subjectAltName alone; the subject's common name counts for nothing */
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  readonly isCa: boolean
  readonly usages: ReadonlySet<KeyUsageType>
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** hex */
  readonly serial: string
}

/** Or why it cannot be read. */
export function readCertificate(der: Buffer): CertificateFacts | string {
  try {
    const { tbsCertificate: body } = AsnParser.parse(der, Certificate)
    const extensions = body.extensions === undefined ? [] : [...body.extensions]
    if (new Set(extensions.map(({ extnID }) => extnID)).size !== extensions.length) return 'an extension stands twice'
    const names = valueOf(extensions, id_ce_subjectAltName)
    const alternatives = names === undefined ? [] : [...AsnParser.parse(names, SubjectAlternativeName)]
    const constraints = valueOf(extensions, id_ce_basicConstraints)
    const usage = valueOf(extensions, id_ce_keyUsage)
    return {
      uris: alternatives.flatMap((name) => name.uniformResourceIdentifier ?? []),
      dnsNames: alternatives.flatMap((name) => name.dNSName ?? []),
      isCa: constraints !== undefined && AsnParser.parse(constraints, BasicConstraints).cA,
      usages: new Set(usage === undefined ? [] : AsnParser.parse(usage, KeyUsage).toJSON()),
      notBeforeMs: body.validity.notBefore.getTime().getTime(),
      notAfterMs: body.validity.notAfter.getTime().getTime(),
      serial: Buffer.from(body.serialNumber).toString('hex'),
    }
  } catch {
    // the library throws what it likes at bytes that are not what they should be
    return 'cannot be read'
  }
}

function valueOf(extensions: readonly Extension[], id: string): ArrayBuffer | undefined {
  return extensions.find(({ extnID }) => extnID === id)?.extnValue.buffer
}
