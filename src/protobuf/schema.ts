// The schemas of the gRPC binding as descriptors: which messages an operation takes and gives in A2A 1.0
// (`lf.a2a.v1.A2AService`) and 0.3 (`a2a.v1.A2AService`), and the paths that gRPC calls them by. Everything else in this
// folder is driven by these, so that scan, codec and rewriting cannot disagree about a field.

import {
  createFileRegistry,
  createRegistry,
  fromBinary,
  type DescField,
  type DescMessage,
  type Registry,
} from '@bufbuild/protobuf'
import {
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
} from '@bufbuild/protobuf/wkt'
import { operationNames, type Operation, type ProtocolVersion } from '../a2a/operations.ts'
import { rpcOf03 } from '../a2a/v0-3/names.ts'
import { invariant } from '../base/invariant.ts'
import { descriptorSet } from './descriptors.ts'

/** One method of an A2A service: what it is called by, what it takes and gives. */
export interface Method {
  readonly operation: Operation
  readonly version: ProtocolVersion
  /** `/lf.a2a.v1.A2AService/SendMessage` */
  readonly path: string
  readonly request: DescMessage
  /** of one event where the operation streams */
  readonly answer: DescMessage
  readonly streams: boolean
}

const wellKnown = [
  file_google_protobuf_any,
  file_google_protobuf_empty,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
]
const registry: Registry = createRegistry(
  ...fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSet, 'base64')).file.map((file) =>
    createFileRegistry(file, (name) => wellKnown.find(({ proto }) => proto.name === name)),
  ),
)

/** A message of these schemas by its full name; a bug where there is none. */
export function messageNamed(name: string): DescMessage {
  const message = registry.getMessage(name)
  invariant(message !== undefined, `the schemas hold no ${name}`)
  return message
}

export const services: Readonly<Record<ProtocolVersion, string>> = Object.freeze({
  '1.0': 'lf.a2a.v1.A2AService',
  '0.3': 'a2a.v1.A2AService',
})

const methods: readonly Method[] = (['1.0', '0.3'] as const).flatMap((version) => {
  const service = registry.getService(services[version])
  invariant(service !== undefined, `the schemas hold no ${services[version]}`)
  return operationNames.flatMap((operation): Method[] => {
    const name = version === '0.3' ? rpcOf03(operation) : operation
    const found = service.methods.find((each) => each.name === name)
    if (found === undefined) return []
    const path = `/${service.typeName}/${name}`
    const streams = found.methodKind === 'server_streaming'
    return [Object.freeze({ operation, version, path, request: found.input, answer: found.output, streams })]
  })
})
const byPath: ReadonlyMap<string, Method> = new Map(methods.map((method) => [method.path, method]))
const byOperation: ReadonlyMap<string, Method> = new Map(
  methods.map((method) => [`${method.version} ${method.operation}`, method]),
)

/** The method that a gRPC path names, in either version; undefined for every other path. */
export function methodOfPath(path: string): Method | undefined {
  return byPath.get(path)
}

/** The method of an operation; undefined where the version does not have it (ListTasks in 0.3). */
export function methodOf(operation: Operation, version: ProtocolVersion = '1.0'): Method | undefined {
  return byOperation.get(`${version} ${operation}`)
}

const fieldBehavior = 1052
const required = 2

/** Whether a2a.proto marks the field `[(google.api.field_behavior) = REQUIRED]`. */
export function isRequired({ proto }: DescField): boolean {
  return proto.options?.$unknown?.some(({ no, data }) => no === fieldBehavior && data[0] === required) ?? false
}

const noNumbers: ReadonlySet<number> = new Set()
const tenantAt = (number: number): ReadonlySet<number> => new Set([number])

/**
 * The drafts between 0.3.0 and 1.0 kept the package a2a.v1 and went on counting: in its requests a tenant came behind the
 * last field, in its Message the tasks that it refers to. Servers made from them read these numbers, and nothing here
 * would have asked whose tenant or task it is. The JSON forms of 0.3 refuse the same fields by their names
 * (a2a/v0-3/shapes-proto.ts).
 */
const retired: ReadonlyMap<string, ReadonlySet<number>> = new Map([
  ['a2a.v1.Message', new Set([8])],
  ['a2a.v1.SendMessageRequest', tenantAt(4)],
  ['a2a.v1.GetTaskRequest', tenantAt(3)],
  ['a2a.v1.CancelTaskRequest', tenantAt(2)],
  ['a2a.v1.TaskSubscriptionRequest', tenantAt(2)],
  ['a2a.v1.CreateTaskPushNotificationConfigRequest', tenantAt(4)],
  ['a2a.v1.GetTaskPushNotificationConfigRequest', tenantAt(2)],
  ['a2a.v1.ListTaskPushNotificationConfigRequest', tenantAt(4)],
  ['a2a.v1.DeleteTaskPushNotificationConfigRequest', tenantAt(2)],
  ['a2a.v1.GetAgentCardRequest', tenantAt(1)],
])

/** Numbers of no field of this message that a decoder of the same package may know all the same. */
export const retiredNumbers = (typeName: string): ReadonlySet<number> => retired.get(typeName) ?? noNumbers
