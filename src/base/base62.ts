// Base62 (0-9, A-Z, a-z) for identifiers and secrets that people copy: no punctuation, a double click selects
// the whole of it. Random text is drawn without bias: bytes from 248 on are thrown away, never folded.

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const unbiasedBytes = 248 // the largest multiple of 62 that a byte can hold

/** A number below 62^width as exactly `width` digits, most significant first. */
export function encodeBase62(value: number, width: number): string {
  let digits = ''
  let rest = value
  for (let i = 0; i < width; i++) {
    digits = alphabet.charAt(rest % 62) + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

export function randomBase62(length: number, randomBytes: (count: number) => Uint8Array): string {
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length - text.length)) if (byte < unbiasedBytes) text += alphabet.charAt(byte % 62)
  }
  return text
}

export function isBase62(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const isDigit = code >= 48 && code <= 57
    const isUpper = code >= 65 && code <= 90
    const isLower = code >= 97 && code <= 122
    if (!isDigit && !isUpper && !isLower) return false
  }
  return true
}
