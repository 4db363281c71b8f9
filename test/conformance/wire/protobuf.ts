// ProtoJSON to bytes and back, by the tables of schema.ts.

import {
  create,
  createFileRegistry,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescMessage,
  type JsonValue as ProtoJson,
} from '@bufbuild/protobuf'
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
} from '@bufbuild/protobuf/wkt'
import { isJsonObject, type JsonObject } from '../../../src/base/strict-json.ts'
import type { Schema } from './schema.ts'

export interface Codec {
  encode(message: string, json: JsonObject): Buffer
  decode(message: string, bytes: Uint8Array): JsonObject
}

const scalars: Readonly<Record<string, Type>> = {
  '': Type.STRING,
  bytes: Type.BYTES,
  bool: Type.BOOL,
  int32: Type.INT32,
}
const known = [file_google_protobuf_struct, file_google_protobuf_timestamp]
const wellKnown = new Set(['Struct', 'Value', 'Timestamp'])

export function codecFor(schema: Schema): Codec {
  const registry = createFileRegistry(describe(schema), (name) => known.find((file) => file.proto.name === name))
  const find = (message: string): DescMessage => {
    const found = registry.getMessage(`${schema.package}.${message}`)
    if (found === undefined) throw new Error(`the schema has no ${message}`)
    return found
  }
  return {
    encode: (message, json) => Buffer.from(toBinary(find(message), fromJson(find(message), json as ProtoJson))),
    decode: (message, bytes) => {
      const json = toJson(find(message), fromBinary(find(message), bytes))
      if (!isJsonObject(json)) throw new Error(`${message} is not an object`)
      return json
    },
  }
}

function describe({ package: packageName, messages, states }: Schema): ReturnType<typeof createFile> {
  const enums = [
    { name: 'TaskState', value: states.map((state, number) => ({ name: `TASK_STATE_${state}`, number })) },
    { name: 'Role', value: ['UNSPECIFIED', 'USER', 'AGENT'].map((role, number) => ({ name: `ROLE_${role}`, number })) },
  ]
  const typeOf = (name: string): { type: Type; typeName?: string } => {
    const scalar = scalars[name]
    if (scalar !== undefined) return { type: scalar }
    if (enums.some((each) => each.name === name)) return { type: Type.ENUM, typeName: `.${packageName}.${name}` }
    return { type: Type.MESSAGE, typeName: `.${wellKnown.has(name) ? 'google.protobuf' : packageName}.${name}` }
  }
  const messageType = Object.entries(messages).map(([name, fields]) => {
    const oneofs: string[] = []
    const field = fields
      .split(' ')
      .filter((text) => text !== '')
      .map((text) => {
        const [, jsonName = '', number = '', type = '', repeats, presence, oneof] =
          /^(\w+):(\d+)(?::(\w*)(\[\])?(\?)?(?:\|(\w+))?)?$/.exec(text) ?? []
        const group = presence === undefined ? oneof : `_${jsonName}`
        if (group !== undefined && !oneofs.includes(group)) oneofs.push(group)
        return {
          name: jsonName.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
          jsonName,
          number: Number(number),
          label: repeats === undefined ? Label.OPTIONAL : Label.REPEATED,
          ...typeOf(type),
          ...(group !== undefined && { oneofIndex: oneofs.indexOf(group) }),
          ...(presence !== undefined && { proto3Optional: true }),
        }
      })
    // protobuf wants the oneofs that stand for presence last
    return { name, field, oneofDecl: oneofs.map((each) => ({ name: each })) }
  })
  return createFile({ packageName, messageType, enumType: enums })
}

function createFile(parts: {
  packageName: string
  messageType: { name: string; field: { name: string; number: number }[]; oneofDecl: { name: string }[] }[]
  enumType: { name: string; value: { name: string; number: number }[] }[]
}) {
  return create(FileDescriptorProtoSchema, {
    name: `${parts.packageName}.proto`,
    package: parts.packageName,
    syntax: 'proto3',
    dependency: known.map((file) => file.proto.name),
    messageType: parts.messageType,
    enumType: parts.enumType,
  })
}
