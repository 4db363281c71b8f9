// What policy may know of a message: kinds, sizes, hosts and names, never the words. Expects a message that has
// passed its shape. Identifiers are copied, because they outlive the call in caches.

import { base64Bytes } from '../a2a/shape.ts'
import { detach, isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { MessageFacts, PartFacts } from '../exchange/exchange.ts'
import { urlHost } from './url-host.ts'

/** For operations without a message. */
export const noMessage: MessageFacts = Object.freeze({
  messageId: '',
  taskId: '',
  contextId: '',
  role: '',
  parts: Object.freeze([]),
  referenceTaskIds: Object.freeze([]),
  extensions: Object.freeze([]),
  metadataKeys: Object.freeze([]),
})

/** The facts, or the index of a part whose URL two parsers could read differently. */
export function readMessage(message: JsonObject): MessageFacts | number {
  const parts: PartFacts[] = []
  for (const part of listOf(message.parts)) {
    const facts = isJsonObject(part) ? readPart(part) : undefined
    if (facts === undefined) return parts.length
    parts.push(facts)
  }
  return {
    messageId: detach(textOf(message.messageId)),
    taskId: detach(textOf(message.taskId)),
    contextId: detach(textOf(message.contextId)),
    role: textOf(message.role),
    parts,
    referenceTaskIds: textsOf(message.referenceTaskIds),
    extensions: textsOf(message.extensions),
    metadataKeys: isJsonObject(message.metadata) ? Object.keys(message.metadata) : noMessage.metadataKeys,
  }
}

function readPart(part: JsonObject): PartFacts | undefined {
  const mediaType = textOf(part.mediaType)
  const filename = textOf(part.filename)
  const { text, raw, url } = part
  if (typeof text === 'string') return { kind: 'text', size: Buffer.byteLength(text), mediaType, filename, host: '' }
  if (typeof raw === 'string') return { kind: 'raw', size: base64Bytes(raw), mediaType, filename, host: '' }
  if (typeof url !== 'string') {
    return { kind: 'data', size: Buffer.byteLength(JSON.stringify(part.data ?? null)), mediaType, filename, host: '' }
  }
  const host = urlHost(url)
  return host === undefined
    ? undefined
    : { kind: 'url', size: Buffer.byteLength(url), mediaType, filename, host: detach(host) }
}

export function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : []
}

function textsOf(value: JsonValue | undefined): readonly string[] {
  const list = listOf(value)
  return list.length === 0 ? noMessage.extensions : list.map((item) => detach(textOf(item)))
}
