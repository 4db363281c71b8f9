// CRC-32C (Castagnoli, RFC 3720 §12.1): finds what a failing disk or a torn write did to a frame. It is no
// protection against anybody: whoever changes a byte on purpose can mend the sum. The hashes do that part.
// Eight bytes a step ("slicing by eight"), because every recorded byte passes here.

const polynomial = 0x82f63b78

// eight tables of 256 words, one after the other
const tables: Int32Array = buildTables()

function buildTables(): Int32Array {
  const words = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    words[byte] = crc
  }
  for (let index = 256; index < words.length; index += 1) {
    const before = words[index - 256] ?? 0
    words[index] = (before >>> 8) ^ (words[before & 0xff] ?? 0)
  }
  return words
}

/** The sum of `bytes[start, end)`, as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start: number = 0, end: number = bytes.length): number {
  const t = tables
  let crc = -1
  let at = start
  // oxlint-disable typescript/no-non-null-assertion -- inside the arrays' bounds by construction; a check per byte costs
  for (const last = end - 8; at <= last; at += 8) {
    crc =
      t[1792 + ((crc ^ bytes[at]!) & 0xff)]! ^
      t[1536 + (((crc >>> 8) ^ bytes[at + 1]!) & 0xff)]! ^
      t[1280 + (((crc >>> 16) ^ bytes[at + 2]!) & 0xff)]! ^
      t[1024 + ((crc >>> 24) ^ bytes[at + 3]!)]! ^
      t[768 + bytes[at + 4]!]! ^
      t[512 + bytes[at + 5]!]! ^
      t[256 + bytes[at + 6]!]! ^
      t[bytes[at + 7]!]!
  }
  for (; at < end; at += 1) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]!) & 0xff]!
  return ~crc >>> 0
}
