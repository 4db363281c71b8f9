// The messages of a2a.proto in both versions, written from their field numbers: what the suite's gRPC client reads and
// writes by. It shares nothing with the SDK or the gateway, so that neither can be right only by agreeing with itself.
// A field is `name:number`, then its type where it is not a string; `[]` repeats, `?` has presence, `|` is in a oneof.

export type Messages = Readonly<Record<string, string>>

export interface Schema {
  readonly package: string
  readonly messages: Messages
  readonly states: readonly string[]
}

const states = [
  'UNSPECIFIED',
  'SUBMITTED',
  'WORKING',
  'COMPLETED',
  'FAILED',
  'CANCELED',
  'INPUT_REQUIRED',
  'REJECTED',
  'AUTH_REQUIRED',
]

const task = 'id:1 contextId:2 status:3:TaskStatus artifacts:4:Artifact[] history:5:Message[] metadata:6:Struct'
const status = 'state:1:TaskState message:2:Message timestamp:3:Timestamp'
const artifactUpdate = 'taskId:1 contextId:2 artifact:3:Artifact append:4:bool lastChunk:5:bool metadata:6:Struct'
const extension = 'uri:1 description:2 required:3:bool params:4:Struct'
const skill = 'id:1 name:2 description:3 tags:4:[] examples:5:[] inputModes:6:[] outputModes:7:[]'

export const current: Schema = {
  package: 'lf.a2a.v1',
  states,
  messages: {
    Task: task,
    TaskStatus: status,
    Part: 'text:1:|content raw:2:bytes|content url:3:|content data:4:Value|content metadata:5:Struct filename:6 mediaType:7',
    Message:
      'messageId:1 contextId:2 taskId:3 role:4:Role parts:5:Part[] metadata:6:Struct extensions:7:[] referenceTaskIds:8:[]',
    Artifact: 'artifactId:1 name:2 description:3 parts:4:Part[] metadata:5:Struct extensions:6:[]',
    TaskStatusUpdateEvent: 'taskId:1 contextId:2 status:3:TaskStatus metadata:4:Struct',
    TaskArtifactUpdateEvent: artifactUpdate,
    AuthenticationInfo: 'scheme:1 credentials:2',
    TaskPushNotificationConfig: 'tenant:1 id:2 taskId:3 url:4 token:5 authentication:6:AuthenticationInfo',
    SendMessageConfiguration:
      'acceptedOutputModes:1:[] taskPushNotificationConfig:2:TaskPushNotificationConfig historyLength:3:int32? returnImmediately:4:bool',
    SendMessageRequest: 'tenant:1 message:2:Message configuration:3:SendMessageConfiguration metadata:4:Struct',
    SendMessageResponse: 'task:1:Task|payload message:2:Message|payload',
    StreamResponse:
      'task:1:Task|payload message:2:Message|payload statusUpdate:3:TaskStatusUpdateEvent|payload artifactUpdate:4:TaskArtifactUpdateEvent|payload',
    GetTaskRequest: 'tenant:1 id:2 historyLength:3:int32?',
    ListTasksRequest:
      'tenant:1 contextId:2 status:3:TaskState pageSize:4:int32? pageToken:5 historyLength:6:int32? statusTimestampAfter:7:Timestamp includeArtifacts:8:bool?',
    ListTasksResponse: 'tasks:1:Task[] nextPageToken:2 pageSize:3:int32 totalSize:4:int32',
    CancelTaskRequest: 'tenant:1 id:2 metadata:3:Struct',
    SubscribeToTaskRequest: 'tenant:1 id:2',
    GetTaskPushNotificationConfigRequest: 'tenant:1 taskId:2 id:3',
    DeleteTaskPushNotificationConfigRequest: 'tenant:1 taskId:2 id:3',
    ListTaskPushNotificationConfigsRequest: 'taskId:1 pageSize:2:int32 pageToken:3 tenant:4',
    ListTaskPushNotificationConfigsResponse: 'configs:1:TaskPushNotificationConfig[] nextPageToken:2',
    GetExtendedAgentCardRequest: 'tenant:1',
    AgentInterface: 'url:1 protocolBinding:2 tenant:3 protocolVersion:4',
    AgentExtension: extension,
    AgentCapabilities:
      'streaming:1:bool? pushNotifications:2:bool? extensions:3:AgentExtension[] extendedAgentCard:4:bool?',
    AgentSkill: skill,
    AgentCard:
      'name:1 description:2 supportedInterfaces:3:AgentInterface[] version:5 capabilities:7:AgentCapabilities skills:12:AgentSkill[]',
  },
}

export const legacy: Schema = {
  package: 'a2a.v1',
  states: states.map((state) => (state === 'CANCELED' ? 'CANCELLED' : state)),
  messages: {
    Task: task,
    TaskStatus: 'state:1:TaskState message:2:Message timestamp:3:Timestamp',
    FilePart: 'fileWithUri:1:|file fileWithBytes:2:bytes|file mimeType:3 name:4',
    DataPart: 'data:1:Struct',
    Part: 'text:1:|part file:2:FilePart|part data:3:DataPart|part metadata:4:Struct',
    Message: 'messageId:1 contextId:2 taskId:3 role:4:Role content:5:Part[] metadata:6:Struct extensions:7:[]',
    Artifact: 'artifactId:1 name:3 description:4 parts:5:Part[] metadata:6:Struct extensions:7:[]',
    TaskStatusUpdateEvent: 'taskId:1 contextId:2 status:3:TaskStatus final:4:bool metadata:5:Struct',
    TaskArtifactUpdateEvent: artifactUpdate,
    AuthenticationInfo: 'schemes:1:[] credentials:2',
    PushNotificationConfig: 'id:1 url:2 token:3 authentication:4:AuthenticationInfo',
    TaskPushNotificationConfig: 'name:1 pushNotificationConfig:2:PushNotificationConfig',
    SendMessageConfiguration:
      'acceptedOutputModes:1:[] pushNotification:2:PushNotificationConfig historyLength:3:int32 blocking:4:bool',
    SendMessageRequest: 'message:1:Message configuration:2:SendMessageConfiguration metadata:3:Struct',
    SendMessageResponse: 'task:1:Task|payload message:2:Message|payload',
    StreamResponse:
      'task:1:Task|payload message:2:Message|payload statusUpdate:3:TaskStatusUpdateEvent|payload artifactUpdate:4:TaskArtifactUpdateEvent|payload',
    GetTaskRequest: 'name:1 historyLength:2:int32',
    CancelTaskRequest: 'name:1',
    TaskSubscriptionRequest: 'name:1',
    GetTaskPushNotificationConfigRequest: 'name:1',
    DeleteTaskPushNotificationConfigRequest: 'name:1',
    CreateTaskPushNotificationConfigRequest: 'parent:1 configId:2 config:3:TaskPushNotificationConfig',
    ListTaskPushNotificationConfigRequest: 'parent:1 pageSize:2:int32 pageToken:3',
    ListTaskPushNotificationConfigResponse: 'configs:1:TaskPushNotificationConfig[] nextPageToken:2',
    GetAgentCardRequest: '',
    AgentSkill: skill,
    AgentCard: 'name:1 description:2 url:3 version:5 skills:12:AgentSkill[] preferredTransport:14 protocolVersion:16',
  },
}

/** google.rpc: what an error carries in its trailers. */
export const rpc: Schema = {
  package: 'google.rpc',
  states: ['UNSPECIFIED'],
  messages: {
    Any: 'typeUrl:1 value:2:bytes',
    Status: 'code:1:int32 message:2 details:3:Any[]',
    ErrorInfo: 'reason:1 domain:2',
  },
}
