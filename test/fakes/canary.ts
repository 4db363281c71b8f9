// Secrets that are looked for afterwards: each in all the forms in which a careless program writes one down.

import { randomBytes } from 'node:crypto'

export interface Canary {
  readonly name: string
  readonly bytes: Buffer
}

/** A secret nobody has seen before; letters and digits, so that it may stand in a header. */
export function makeCanary(name: string): Canary {
  return { name, bytes: Buffer.from(`canary${randomBytes(24).toString('hex')}`) }
}

/** The secret part of a private key in PEM: what is not the same in all keys. */
export function canaryOfPem(name: string, pem: string): Canary {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')
  return { name, bytes: der.subarray(Math.min(40, der.length >> 1), Math.min(40, der.length >> 1) + 32) }
}

/** Every way to write these bytes that is searched for, as latin1 text. */
export function formsOf({ bytes }: Canary): string[] {
  const hex = bytes.toString('hex')
  const pairs = hex.match(/../g) ?? []
  return [
    bytes.toString('latin1'),
    hex,
    hex.toUpperCase(),
    pairs.join(' '),
    bytes.join(','),
    pairs.map((pair) => `%${pair}`).join(''),
    pairs.map((pair) => `%${pair.toUpperCase()}`).join(''),
    encodeURIComponent(bytes.toString('latin1')),
    JSON.stringify(bytes.toString('latin1')).slice(1, -1),
    Buffer.from(bytes.toString('latin1'), 'utf16le').toString('latin1'),
    ...[0, 1, 2].flatMap((before) => {
      // whatever stands before it: those characters that depend on nothing else
      const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
      const inner = text.slice(before === 0 ? 0 : 4, -4)
      return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')]
    }),
  ]
}

/** Names of the canaries that are in a text, with the form that was found. */
export function findCanaries(text: string, canaries: readonly Canary[]): string[] {
  return canaries.flatMap((canary) => {
    const at = formsOf(canary).findIndex((form) => text.includes(form))
    return at < 0 ? [] : [`${canary.name} in form ${at}`]
  })
}
