// The official Python client writes its 0.3 bodies on the REST paths with the names of a2a.proto (`message_id`), which
// ProtoJSON allows. In these bodies alone such names become the JSON names, before anything else looks at them, so that
// everything behind reads one spelling. Where both spellings of a field are there nothing is renamed: the alias is then
// refused like any other.

import type { JsonObject, JsonValue } from '../../base/strict-json.ts'
import type { Shape } from '../check-shape.ts'
import type { Operation } from '../operations.ts'
import { restBodies03 } from './shapes-proto.ts'
import { isObject } from './translation.ts'

/** The body with JSON names; the very same value where it has none but those. */
export function withJsonNames(operation: Operation, body: JsonValue): JsonValue {
  const shape = bodyShape(operation, body)
  return shape === undefined ? body : rename(body, shape)
}

function bodyShape(operation: Operation, body: JsonValue): Shape | undefined {
  if (operation === 'SendMessage' || operation === 'SendStreamingMessage') return restBodies03.send
  if (operation !== 'CreateTaskPushNotificationConfig') return undefined
  return isObject(body) && Object.hasOwn(body, 'config') ? restBodies03.newConfig : restBodies03.plainConfig
}

function rename(value: JsonValue, shape: Shape): JsonValue {
  if (!isObject(value)) return value
  const names = jsonNamesOf(shape)
  let isSame = true
  const members = Object.entries(value).map(([key, member]): [string, JsonValue] => {
    const name = nameIn(value, key, names)
    const renamed = renameMember(member, shape, name)
    isSame &&= name === key && renamed === member
    return [name, renamed]
  })
  return isSame ? value : Object.fromEntries(members)
}

function nameIn(value: JsonObject, key: string, names: ReadonlyMap<string, string>): string {
  const name = names.get(key)
  return name === undefined || Object.hasOwn(value, name) ? key : name
}

function renameMember(member: JsonValue, shape: Shape, name: string): JsonValue {
  const inner = shape.fields.get(name)?.shape
  if (inner === undefined) return member
  if (!Array.isArray(member)) return rename(member, inner)
  const renamed = member.map((each) => rename(each, inner))
  return renamed.every((each, at) => each === member[at]) ? member : renamed
}

const known = new WeakMap<Shape, ReadonlyMap<string, string>>()

/** Proto name to JSON name, of those that differ. */
function jsonNamesOf(shape: Shape): ReadonlyMap<string, string> {
  let names = known.get(shape)
  if (names === undefined) {
    const pairs = [...shape.fields.keys()].map((name): [string, string] => [protoName(name), name])
    // the one field of a2a.v1 in a request whose JSON name is another word
    if (shape === restBodies03.send) pairs.push(['request', 'message'])
    names = new Map(pairs.filter(([proto, name]) => proto !== name))
    known.set(shape, names)
  }
  return names
}

const protoName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
