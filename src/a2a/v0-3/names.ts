// The names of A2A 0.3.0 (specification §3.5.6, §7, §9; a2a.proto of package a2a.v1) beside those of 1.0: methods,
// task states, roles, kinds. Two forms of 0.3 exist on the wire: that of JSON-RPC, with `kind` members and lower-case
// words, and the ProtoJSON of a2a.v1, which gRPC stands for and which 0.3 servers and clients also speak on REST
// (docs/protocol-versions.md tells what was found in which SDK).

import type { Operation } from '../operations.ts'

/** `json` is the form of JSON-RPC; `proto` the ProtoJSON of a2a.v1, on gRPC and on the paths below /v1. */
export type Form03 = 'json' | 'proto'

/** How it stands in `A2A-Version` and in interfaces of 1.0 cards. */
export const legacyVersion = '0.3'
/** How it stands in the card of a 0.3 agent. */
export const legacyCardVersion = '0.3.0'

/** Where 0.3 announces extensions (1.0: A2A-Extensions). */
export const legacyExtensionsHeader = 'x-a2a-extensions'

// ListTasks has no 0.3 name: §3.5.6 lists `tasks/list` as "gRPC and REST only", and a2a.v1 has no such rpc. What a
// server of 0.3 may mean by it is not defined, so it is an unknown method.
// prettier-ignore
const names: readonly (readonly [Operation, string, string])[] = [
  ['SendMessage',                      'message/send',                        'SendMessage'],
  ['SendStreamingMessage',             'message/stream',                      'SendStreamingMessage'],
  ['GetTask',                          'tasks/get',                           'GetTask'],
  ['CancelTask',                       'tasks/cancel',                        'CancelTask'],
  ['SubscribeToTask',                  'tasks/resubscribe',                   'TaskSubscription'],
  ['CreateTaskPushNotificationConfig', 'tasks/pushNotificationConfig/set',    'CreateTaskPushNotificationConfig'],
  ['GetTaskPushNotificationConfig',    'tasks/pushNotificationConfig/get',    'GetTaskPushNotificationConfig'],
  ['ListTaskPushNotificationConfigs',  'tasks/pushNotificationConfig/list',   'ListTaskPushNotificationConfig'],
  ['DeleteTaskPushNotificationConfig', 'tasks/pushNotificationConfig/delete', 'DeleteTaskPushNotificationConfig'],
  ['GetExtendedAgentCard',             'agent/getAuthenticatedExtendedCard',  'GetAgentCard'],
]

const byMethod: ReadonlyMap<string, Operation> = new Map(names.map(([operation, method]) => [method, operation]))
const methods: ReadonlyMap<Operation, string> = new Map(names.map(([operation, method]) => [operation, method]))
const rpcs: ReadonlyMap<Operation, string> = new Map(names.map(([operation, , rpc]) => [operation, rpc]))

/** The operation that a JSON-RPC method of 0.3 means; undefined for every other text. */
export function operationOf03(method: string): Operation | undefined {
  return byMethod.get(method)
}

/** The JSON-RPC method of 0.3 for an operation; undefined where 0.3 has none (ListTasks). */
export function methodOf03(operation: Operation): string | undefined {
  return methods.get(operation)
}

/** The name of its rpc in a2a.v1.A2AService; undefined where 0.3 has none. */
export function rpcOf03(operation: Operation): string | undefined {
  return rpcs.get(operation)
}

/** Both ways through a table of two columns. */
export interface Words {
  readonly to03: ReadonlyMap<string, string>
  readonly from03: ReadonlyMap<string, string>
}

function words(pairs: readonly (readonly [string, string])[]): Words {
  return { to03: new Map(pairs), from03: new Map(pairs.map(([ten, three]) => [three, ten])) }
}

// prettier-ignore
export const stateWords: Readonly<Record<Form03, Words>> = Object.freeze({
  json: words([
    ['TASK_STATE_UNSPECIFIED',    'unknown'],
    ['TASK_STATE_SUBMITTED',      'submitted'],
    ['TASK_STATE_WORKING',        'working'],
    ['TASK_STATE_COMPLETED',      'completed'],
    ['TASK_STATE_FAILED',         'failed'],
    ['TASK_STATE_CANCELED',       'canceled'],
    ['TASK_STATE_INPUT_REQUIRED', 'input-required'],
    ['TASK_STATE_REJECTED',       'rejected'],
    ['TASK_STATE_AUTH_REQUIRED',  'auth-required'],
  ]),
  proto: words([
    ['TASK_STATE_UNSPECIFIED',    'TASK_STATE_UNSPECIFIED'],
    ['TASK_STATE_SUBMITTED',      'TASK_STATE_SUBMITTED'],
    ['TASK_STATE_WORKING',        'TASK_STATE_WORKING'],
    ['TASK_STATE_COMPLETED',      'TASK_STATE_COMPLETED'],
    ['TASK_STATE_FAILED',         'TASK_STATE_FAILED'],
    ['TASK_STATE_CANCELED',       'TASK_STATE_CANCELLED'], // two L in a2a.v1
    ['TASK_STATE_INPUT_REQUIRED', 'TASK_STATE_INPUT_REQUIRED'],
    ['TASK_STATE_REJECTED',       'TASK_STATE_REJECTED'],
    ['TASK_STATE_AUTH_REQUIRED',  'TASK_STATE_AUTH_REQUIRED'],
  ]),
})

export const roleWords: Readonly<Record<Form03, Words>> = Object.freeze({
  json: words([
    ['ROLE_USER', 'user'],
    ['ROLE_AGENT', 'agent'],
  ]),
  proto: words([
    ['ROLE_UNSPECIFIED', 'ROLE_UNSPECIFIED'],
    ['ROLE_USER', 'ROLE_USER'],
    ['ROLE_AGENT', 'ROLE_AGENT'],
  ]),
})

/** Which member of a 1.0 event each `kind` of 0.3 is. */
export const eventKinds: Words = words([
  ['task', 'task'],
  ['message', 'message'],
  ['statusUpdate', 'status-update'],
  ['artifactUpdate', 'artifact-update'],
])

/**
 * States whose status update ends the interaction, so that 0.3 says `final`: the terminal ones, and input-required,
 * where it is the caller's turn (0.3 §7.2.3, §9.4). Not auth-required: 0.3 goes on in the same stream once
 * the credential has arrived out of band.
 */
export const endingStates: ReadonlySet<string> = new Set([
  'TASK_STATE_COMPLETED',
  'TASK_STATE_FAILED',
  'TASK_STATE_CANCELED',
  'TASK_STATE_REJECTED',
  'TASK_STATE_INPUT_REQUIRED',
])
