// The eleven operations of A2A 1.0 (specification §9.4, a2a.proto) and what the walk must know of each.
// One row per operation: a missing check shows as a hole in the column.

export type Operation =
  | 'SendMessage'
  | 'SendStreamingMessage'
  | 'GetTask'
  | 'ListTasks'
  | 'CancelTask'
  | 'SubscribeToTask'
  | 'CreateTaskPushNotificationConfig'
  | 'GetTaskPushNotificationConfig'
  | 'ListTaskPushNotificationConfigs'
  | 'DeleteTaskPushNotificationConfig'
  | 'GetExtendedAgentCard'

export interface OperationTraits {
  /** Changes something: its decision is durable before the agent sees the call (invariant 2). */
  readonly changes: boolean
  /** Answers with a stream of events. */
  readonly streams: boolean
  /** Names an existing task that must be owned. */
  readonly namesTask: boolean
  /** Carries a Message. */
  readonly carriesMessage: boolean
}

const row = (changes: boolean, streams: boolean, namesTask: boolean, carriesMessage: boolean): OperationTraits =>
  Object.freeze({ changes, streams, namesTask, carriesMessage })

const Y = true
const _ = false

// prettier-ignore
export const operations: Readonly<Record<Operation, OperationTraits>> = Object.freeze({
  //                                changes streams namesTask carriesMessage
  SendMessage:                      row(Y,  _,      _,        Y),
  SendStreamingMessage:             row(Y,  Y,      _,        Y),
  GetTask:                          row(_,  _,      Y,        _),
  ListTasks:                        row(_,  _,      _,        _),
  CancelTask:                       row(Y,  _,      Y,        _),
  SubscribeToTask:                  row(_,  Y,      Y,        _),
  CreateTaskPushNotificationConfig: row(Y,  _,      Y,        _),
  GetTaskPushNotificationConfig:    row(_,  _,      Y,        _),
  ListTaskPushNotificationConfigs:  row(_,  _,      Y,        _),
  DeleteTaskPushNotificationConfig: row(Y,  _,      Y,        _),
  GetExtendedAgentCard:             row(_,  _,      _,        _),
})

export const operationNames: readonly Operation[] = Object.freeze(Object.keys(operations) as Operation[])

export function isOperation(name: string): name is Operation {
  return Object.hasOwn(operations, name)
}

/** The bindings this gateway serves, by their names in an agent card. */
export type Binding = 'JSONRPC' | 'HTTP+JSON' | 'GRPC'
export const bindingNames: readonly Binding[] = Object.freeze(['JSONRPC', 'HTTP+JSON', 'GRPC'])

export const protocolVersion = '1.0'
export type ProtocolVersion = '1.0' | '0.3'

/** In which form a party speaks A2A: what its bytes look like. */
export interface Face {
  readonly binding: Binding
  readonly version: ProtocolVersion
}
