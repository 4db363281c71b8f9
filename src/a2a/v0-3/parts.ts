// Parts of messages and artifacts. 1.0: one of text, raw, url, data, with media type and file name beside it. 0.3 in
// JSON-RPC: a `kind` and its member; media type and name only within `file`. a2a.v1: one of text, file, data, the
// data wrapped once more.

import type { JsonObject, JsonValue } from '../../base/strict-json.ts'
import { shapes10 } from '../shape.ts'
import type { Form03 } from './names.ts'
import { jsonPartShapes } from './shapes-json.ts'
import { protoPartShapes, protoShapes } from './shapes-proto.ts'
import {
  carryUnknown,
  copy,
  inexpressible,
  isObject,
  join,
  loseMembers,
  loseUnknown,
  member,
  objectMember,
  put,
  textMember,
  type Losses,
} from './translation.ts'

/**
 * 0.3 has objects as data only, 1.0 any value. The official SDKs (JavaScript and Python, 1.x) wrap another value as
 * `{value}` and say so by this key in the part's metadata; done likewise here, so that each can read the other.
 */
const wrapMark = 'data_part_compat'

export function partFrom03(part: JsonObject, form: Form03, path: string, lost: Losses): JsonObject {
  const to: JsonObject = {}
  const file = objectMember(part, 'file')
  if (file !== undefined) fileFrom03(file, form, to, join(path, 'file'), lost)
  else if (Object.hasOwn(part, 'text')) copy(part, to, 'text')
  else return dataFrom03(part, form, path, lost)
  copy(part, to, 'metadata')
  carryUnknown(part, to, { from: shapeOf(part, form), to: shapes10.part, path }, lost)
  return to
}

/** The variant's own shape in the form of JSON-RPC, where `part` itself only says which of them it is. */
function shapeOf(part: JsonObject, form: Form03): typeof shapes10.part {
  if (form === 'proto') return protoShapes.part
  return jsonPartShapes[Object.hasOwn(part, 'file') ? 'file' : Object.hasOwn(part, 'text') ? 'text' : 'data']
}

function fileFrom03(file: JsonObject, form: Form03, to: JsonObject, path: string, lost: Losses): void {
  const [uri, bytes] = fileNames[form]
  const at = member(file, uri)
  const content = member(file, bytes)
  if (at !== undefined) to['url'] = at
  else if (content !== undefined) to['raw'] = content
  const mediaType = textMember(file, 'mimeType')
  if (mediaType !== '') to['mediaType'] = mediaType
  const filename = textMember(file, 'name')
  if (filename !== '') to['filename'] = filename
  loseUnknown(file, form === 'json' ? jsonPartShapes.inFile.fields : protoPartShapes.file.fields, path, lost)
}

const fileNames = Object.freeze({ json: ['uri', 'bytes'], proto: ['fileWithUri', 'fileWithBytes'] } as const)

function dataFrom03(part: JsonObject, form: Form03, path: string, lost: Losses): JsonObject {
  const to: JsonObject = {}
  let data: JsonValue = member(part, 'data') ?? {}
  if (form === 'proto' && isObject(data)) {
    loseUnknown(data, protoPartShapes.data.fields, join(path, 'data'), lost)
    data = member(data, 'data') ?? {}
  }
  const metadata = objectMember(part, 'metadata')
  if (metadata !== undefined && Object.hasOwn(metadata, wrapMark)) {
    to['data'] = unwrap(data, metadata[wrapMark], join(path, 'metadata'))
    const rest = without(metadata, wrapMark)
    if (Object.keys(rest).length > 0) to['metadata'] = rest
  } else {
    to['data'] = data
    copy(part, to, 'metadata')
  }
  carryUnknown(part, to, { from: shapeOf(part, form), to: shapes10.part, path }, lost)
  return to
}

/** Exactly what wrapping makes. Anything else under the mark is read by one SDK as this and by another as that. */
function unwrap(data: JsonValue, mark: JsonValue | undefined, path: string): JsonValue {
  if (mark !== true || !isObject(data) || Object.keys(data).length !== 1 || !Object.hasOwn(data, 'value'))
    return inexpressible(join(path, wrapMark))
  const value = data['value'] ?? null
  return isObject(value) ? inexpressible(join(path, wrapMark)) : value
}

function without(from: JsonObject, name: string): JsonObject {
  const rest: JsonObject = {}
  for (const key of Object.keys(from)) if (key !== name) put(rest, key, from[key] ?? null)
  return rest
}

export function partTo03(part: JsonObject, form: Form03, path: string, lost: Losses): JsonObject {
  const to: JsonObject = {}
  const isFile = Object.hasOwn(part, 'raw') || Object.hasOwn(part, 'url')
  if (isFile) {
    if (form === 'json') to['kind'] = 'file'
    to['file'] = fileTo03(part, form)
    copy(part, to, 'metadata')
  } else if (Object.hasOwn(part, 'text')) {
    if (form === 'json') to['kind'] = 'text'
    copy(part, to, 'text', 'metadata')
  } else {
    if (form === 'json') to['kind'] = 'data'
    dataTo03(part, form, to, path, lost)
  }
  if (!isFile) loseMembers(part, path, lost, 'mediaType', 'filename')
  carryUnknown(part, to, { from: shapes10.part, to: shapeOf(to, form), path }, lost)
  return to
}

function fileTo03(part: JsonObject, form: Form03): JsonObject {
  const [uri, bytes] = fileNames[form]
  const file: JsonObject = {}
  const name = textMember(part, 'filename')
  if (name !== '') file['name'] = name
  const mimeType = textMember(part, 'mediaType')
  if (mimeType !== '') file['mimeType'] = mimeType
  const url = member(part, 'url')
  if (url === undefined) file[bytes] = member(part, 'raw') ?? ''
  else file[uri] = url
  return file
}

function dataTo03(part: JsonObject, form: Form03, to: JsonObject, path: string, lost: Losses): void {
  const value = part['data'] ?? null
  const metadata = objectMember(part, 'metadata')
  const isMarked = metadata !== undefined && Object.hasOwn(metadata, wrapMark)
  if (isMarked) lost.add(join(path, 'metadata'), wrapMark)
  const data = isObject(value) ? value : { value }
  to['data'] = form === 'json' ? data : { data }
  const kept = isMarked ? without(metadata, wrapMark) : metadata
  if (!isObject(value)) to['metadata'] = { ...kept, [wrapMark]: true }
  else if (kept !== undefined) to['metadata'] = kept
}
