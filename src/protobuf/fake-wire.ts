// Writes protobuf by hand, for tests that need what no encoder would write.

export const bytes = (...parts: (number | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)))

/** In the shortest spelling; `value` may be any number of 64 bits. */
export function varint(value: number | bigint): Buffer {
  const out: number[] = []
  let left = BigInt.asUintN(64, BigInt(value))
  for (; left > 0x7fn; left >>= 7n) out.push(Number(left & 0x7fn) | 0x80)
  return Buffer.from([...out, Number(left)])
}

export const tag = (number: number, wireType: number): Buffer => varint(number * 8 + wireType)
export const int = (number: number, value: number | bigint): Buffer => bytes(tag(number, 0), varint(value))
export const text = (number: number, value: string | Buffer): Buffer => inner(number, Buffer.from(value))
export const inner = (number: number, ...fields: Buffer[]): Buffer => {
  const value = Buffer.concat(fields)
  return bytes(tag(number, 2), varint(value.length), value)
}
export const double = (number: number, value: number): Buffer => {
  const eight = Buffer.alloc(8)
  eight.writeDoubleLE(value)
  return bytes(tag(number, 1), eight)
}
