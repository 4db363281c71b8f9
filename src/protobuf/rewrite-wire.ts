// Changes single texts of a message on the wire and leaves every other byte alone, unknown fields included: a tenant, and
// the names of contexts, which are the caller's own on one side and the gateway's on the other.
// INVARIANT: the bytes have passed scanWire for this operation, so each of these fields is there once at most. On other
// bytes this throws or changes what it finds; only `peekTenant` is asked before the scan.

import type { DescField, DescMessage } from '@bufbuild/protobuf'
import type { Operation, ProtocolVersion } from '../a2a/operations.ts'
import { invariant } from '../base/invariant.ts'
import { methodOf } from './schema.ts'

export interface RequestChange {
  /** '' takes the field away; undefined leaves it as it is */
  readonly tenant?: string | undefined
  /** of the message that is sent, or of the filter of ListTasks; the same rules */
  readonly contextId?: string | undefined
}

/** The request with tenant and context as given. Where the operation has no such field, nothing is changed. */
export function rewriteRequest(
  operation: Operation,
  bytes: Buffer,
  change: RequestChange,
  version: ProtocolVersion = '1.0',
): Buffer {
  const message = methodOf(operation, version)?.request
  invariant(message !== undefined, `${version} has no ${operation}`)
  let changed = bytes
  if (change.tenant !== undefined) changed = setText(message, ['tenant'], changed, change.tenant)
  if (change.contextId !== undefined) changed = setText(message, contextPath(operation), changed, change.contextId)
  return changed
}

/** 0.3 calls the message's field `request`; by its JSON name it is `message` in both. */
function contextPath(operation: Operation): readonly string[] {
  return operation === 'ListTasks' ? ['contextId'] : ['message', 'contextId']
}

/** The answer or event with every context id renamed, wherever the schema has one. '' from `rename` takes it away. */
export function rewriteAnswer(
  operation: Operation,
  bytes: Buffer,
  rename: (contextId: string) => string,
  version: ProtocolVersion = '1.0',
): Buffer {
  const message = methodOf(operation, version)?.answer
  invariant(message !== undefined, `${version} has no ${operation}`)
  return renameIn(message, bytes, rename)
}

/** The tenant that a request names, '' if none; for a route to be found before the scan. Of bytes that are no message: ''. */
export function peekTenant(operation: Operation, bytes: Buffer, version: ProtocolVersion = '1.0'): string {
  const number = methodOf(operation, version)?.request.fields.find(({ jsonName }) => jsonName === 'tenant')?.number
  if (number === undefined) return ''
  try {
    const fields = new Fields(bytes)
    while (fields.next()) if (fields.number === number && fields.isLengthDelimited) return fields.text
  } catch (error) {
    if (!(error instanceof WireEnd)) throw error
  }
  return ''
}

/** Sets the text at the end of `path`. A message on the way that is not there is not made. */
function setText(message: DescMessage, path: readonly string[], bytes: Buffer, text: string): Buffer {
  const [name = '', ...rest] = path
  const target = message.fields.find((field) => field.jsonName === name)
  if (target === undefined) return bytes
  const chunks: Buffer[] = []
  let isThere = false
  const fields = new Fields(bytes)
  while (fields.next()) {
    if (fields.number !== target.number || !fields.isLengthDelimited) {
      chunks.push(fields.whole)
      continue
    }
    isThere = true
    if (rest.length === 0) chunks.push(textField(target, text))
    else if (target.message !== undefined)
      chunks.push(lengthField(target, setText(target.message, rest, fields.value, text)))
  }
  if (!isThere && rest.length === 0) chunks.push(textField(target, text))
  return Buffer.concat(chunks)
}

function renameIn(message: DescMessage, bytes: Buffer, rename: (contextId: string) => string): Buffer {
  const targets = targetsOf(message)
  if (targets.size === 0) return bytes
  const chunks: Buffer[] = []
  const fields = new Fields(bytes)
  while (fields.next()) {
    const target = targets.get(fields.number)
    if (target === undefined || !fields.isLengthDelimited) chunks.push(fields.whole)
    else if (target.message !== undefined)
      chunks.push(lengthField(target, renameIn(target.message, fields.value, rename)))
    else if (fields.text === '') chunks.push(fields.whole)
    else chunks.push(textField(target, rename(fields.text)))
  }
  return Buffer.concat(chunks)
}

const known = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>()

/** The fields of a message that are a context id or lead to one. */
function targetsOf(message: DescMessage): ReadonlyMap<number, DescField> {
  const before = known.get(message)
  if (before !== undefined) return before
  const targets = message.fields.filter(
    (field) => field.jsonName === 'contextId' || (field.message !== undefined && leadsToContext(field.message, [])),
  )
  const byNumber = new Map(targets.map((field) => [field.number, field]))
  known.set(message, byNumber)
  return byNumber
}

function leadsToContext(message: DescMessage, above: readonly DescMessage[]): boolean {
  if (above.includes(message)) return false
  const below = [...above, message]
  return message.fields.some(
    (field) => field.jsonName === 'contextId' || (field.message !== undefined && leadsToContext(field.message, below)),
  )
}

const lengthDelimited = 2

function textField(field: DescField, text: string): Buffer {
  return text === '' ? Buffer.alloc(0) : lengthField(field, Buffer.from(text, 'utf8'))
}

function lengthField(field: DescField, value: Buffer): Buffer {
  return Buffer.concat([varint(field.number * 8 + lengthDelimited), varint(value.length), value])
}

/** Of numbers below 2^31. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  for (; left > 0x7f; left >>>= 7) bytes.push((left & 0x7f) | 0x80)
  return Buffer.from([...bytes, left])
}

/** The bytes are no message. */
class WireEnd extends Error {}

/** Goes over the fields of one level as they stand. What has passed the scan has no groups and no endless varint. */
class Fields {
  readonly bytes: Buffer
  number = 0
  isLengthDelimited = false
  start = 0
  valueStart = 0
  end = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** Moves to the next field; false behind the last one. */
  next(): boolean {
    if (this.end >= this.bytes.length) return false
    this.start = this.end
    const tag = this.varint()
    const wireType = tag % 8
    this.number = Math.floor(tag / 8)
    this.isLengthDelimited = wireType === lengthDelimited
    const length = this.isLengthDelimited ? this.varint() : 0
    this.valueStart = this.end
    if (this.isLengthDelimited) this.end += length
    else if (wireType === 0) this.varint()
    else if (wireType === 1) this.end += 8
    else if (wireType === 5) this.end += 4
    else throw new WireEnd('no such wire type')
    if (this.end > this.bytes.length) throw new WireEnd('a field goes beyond the end')
    return true
  }

  /** Tag, length and value. */
  get whole(): Buffer {
    return this.bytes.subarray(this.start, this.end)
  }

  /** Of a length-delimited field. */
  get value(): Buffer {
    return this.bytes.subarray(this.valueStart, this.end)
  }

  get text(): string {
    return this.bytes.toString('utf8', this.valueStart, this.end)
  }

  varint(): number {
    let value = 0
    for (let count = 0; count < 10; count++) {
      const byte = this.bytes[this.end++]
      if (byte === undefined) break
      value += (byte & 0x7f) * 2 ** (7 * count)
      if (byte < 0x80) return value
    }
    throw new WireEnd('a varint does not end')
  }
}
