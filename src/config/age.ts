// Values and files that are encrypted by age (age-encryption.org/v1), decrypted in memory alone. The header is read
// here first, strictly and within bounds: only stanzas for X25519 and hybrid keys may be in it. A passphrase would
// cost as much work as whoever wrote the file wanted; plugins and other kinds name readers that nobody here knows.

import { decodeBase64 } from '../base/bytes.ts'
import { Fault } from '../base/fault.ts'
import { Secret } from '../base/secret.ts'

const maxEncryptedBytes = 9 * 1024 * 1024 // bound: a configuration file or value that is encrypted
const maxHeaderBytes = 16 * 1024 // bound: the header of an age file
const maxStanzas = 20 // bound: recipients of an age file
const versionLine = 'age-encryption.org/v1'
const armorBegin = '-----BEGIN AGE ENCRYPTED FILE-----'
const armorEnd = '-----END AGE ENCRYPTED FILE-----'
const knownStanzas: ReadonlySet<string> = new Set(['X25519', 'mlkem768x25519'])

/** The encrypted bytes of a value `age:…`: base64, or armoured text. Throws a Fault, KEY_UNREADABLE. */
export function decodeAgeValue(reference: string): Buffer {
  const text = reference.slice('age:'.length).trim()
  const bytes = text.startsWith('-----') ? decodeArmor(text) : decodeBase64(text.replaceAll(/\s/g, ''))
  if (bytes !== undefined && startsAge(bytes)) return bytes
  throw malformed('it is neither base64 nor armoured text of an age file')
}

/** The encrypted bytes of a file; undefined when it is not encrypted by age. */
export function decodeAgeFile(content: Buffer): Buffer | undefined {
  if (startsAge(content)) return content
  const text = content.toString('latin1').trim()
  if (!text.startsWith(armorBegin)) return undefined
  const bytes = decodeArmor(text)
  if (bytes === undefined) throw malformed('its armour is damaged')
  return bytes
}

/** Throws a Fault, KEY_UNREADABLE, which says nothing of what was encrypted. */
export async function decryptAge(encrypted: Buffer, identities: readonly Secret[]): Promise<Secret> {
  checkHeader(encrypted)
  if (identities.length === 0)
    throw new Fault('KEY_UNREADABLE', 'it is encrypted, and there is no identity to decrypt it with', {
      hint: 'set SALLYPORT_AGE_IDENTITY, or name a file by --age-identity FILE',
    })
  // loaded by whoever has encrypted values, and by nobody else
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity.text())
  try {
    return new Secret(Buffer.from(await decrypter.decrypt(encrypted)))
  } catch {
    // whatever the library says of it might quote it
    throw new Fault('KEY_UNREADABLE', 'it cannot be decrypted: none of the identities fits, or it was changed', {
      hint: 'encrypt it anew for this gateway: sallyport config encrypt --recipient age1…',
    })
  }
}

/** For at least one recipient, `age1…` or `age1pq1…`. Throws a Fault, CONTROL_FAILED, for any other. */
export async function encryptAge(plaintext: Buffer, recipients: readonly string[]): Promise<Buffer> {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  for (const recipient of recipients) {
    try {
      // other kinds (tags, plugins) would make a stanza that is refused here when it is read
      if (!/^age1(?!tag)/.test(recipient)) throw new Error('of another kind')
      encrypter.addRecipient(recipient)
    } catch {
      throw new Fault('CONTROL_FAILED', 'a recipient is not one of age', {
        hint: 'write age1… or age1pq1…, as age-keygen -y prints it',
      })
    }
  }
  return Buffer.from(await encrypter.encrypt(plaintext))
}

export const formatAgeValue = (encrypted: Buffer): string => `age:${encrypted.toString('base64')}`

export function formatArmor(encrypted: Buffer): string {
  const lines = encrypted.toString('base64').match(/.{1,64}/g) ?? []
  return `${[armorBegin, ...lines, armorEnd].join('\n')}\n`
}

function checkHeader(encrypted: Buffer): void {
  if (encrypted.length > maxEncryptedBytes) throw malformed('it is too large')
  const head = encrypted.toString('latin1', 0, maxHeaderBytes)
  const end = head.indexOf('\n--- ')
  if (end < 0 || !head.startsWith(`${versionLine}\n`)) throw malformed('it has no header, or one that is too large')
  const kinds = head
    .slice(0, end)
    .split('\n')
    .filter((line) => line.startsWith('-> '))
    .map((line) => line.split(' ')[1] ?? '')
  if (kinds.length > maxStanzas) throw malformed('it has too many recipients')
  if (kinds.every((kind) => knownStanzas.has(kind))) return
  throw malformed('it is for recipients of another kind than X25519 and hybrid keys')
}

const startsAge = (bytes: Buffer): boolean => bytes.toString('latin1', 0, versionLine.length + 1) === `${versionLine}\n`

function decodeArmor(text: string): Buffer | undefined {
  const lines = text.split(/\r?\n/)
  if (lines[0] !== armorBegin || lines.at(-1) !== armorEnd || lines.length < 3) return undefined
  const body = lines.slice(1, -1)
  const isEven = body.every((line, at) =>
    at < body.length - 1 ? line.length === 64 : line.length <= 64 && line !== '',
  )
  return isEven ? decodeBase64(body.join('')) : undefined
}

function malformed(why: string): Fault {
  return new Fault('KEY_UNREADABLE', `it cannot be decrypted: ${why}`, {
    hint: 'make it anew: sallyport config encrypt --recipient age1… < FILE',
  })
}
