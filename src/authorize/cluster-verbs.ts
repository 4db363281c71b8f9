// The words by which a cluster's RBAC speaks of operations: verbs on the virtual resource `agents` of the group
// agents.sallyport.dev, whose names are those of the agents. None of them is a verb of the API server itself: who may
// `get` or `list` objects of this kind looks after agents, and need not be one who may call them.

import type { Operation } from '../a2a/operations.ts'

export const agentResource = { group: 'agents.sallyport.dev', version: 'v1', resource: 'agents' } as const

export const verbOf: Readonly<Record<Operation, string>> = Object.freeze({
  SendMessage: 'send',
  SendStreamingMessage: 'stream',
  GetTask: 'get-task',
  ListTasks: 'list-tasks',
  CancelTask: 'cancel-task',
  SubscribeToTask: 'subscribe-task',
  CreateTaskPushNotificationConfig: 'create-push',
  GetTaskPushNotificationConfig: 'get-push',
  ListTaskPushNotificationConfigs: 'list-push',
  DeleteTaskPushNotificationConfig: 'delete-push',
  GetExtendedAgentCard: 'get-card',
})
