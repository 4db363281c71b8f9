// The JSON-RPC binding (1.0 §9; 0.3.0 §5.6.1, §7): one URL, the operation by name.

import { randomUUID } from 'node:crypto'
import { errorInfoIn, headersOf, type Address, type Answer, type CallOptions, type Client } from './client.ts'
import { exchange, openStream, type HttpAnswer, type HttpRequest } from './http.ts'
import { current, objectOf, textIn, type JsonObject, type JsonValue, type Operation } from '../wire/dialect.ts'
import { legacyJson } from '../wire/legacy-json.ts'

export const legacyMethods: Readonly<Partial<Record<Operation, string>>> = {
  SendMessage: 'message/send',
  SendStreamingMessage: 'message/stream',
  GetTask: 'tasks/get',
  CancelTask: 'tasks/cancel',
  SubscribeToTask: 'tasks/resubscribe',
  CreateTaskPushNotificationConfig: 'tasks/pushNotificationConfig/set',
  GetTaskPushNotificationConfig: 'tasks/pushNotificationConfig/get',
  ListTaskPushNotificationConfigs: 'tasks/pushNotificationConfig/list',
  DeleteTaskPushNotificationConfig: 'tasks/pushNotificationConfig/delete',
  GetExtendedAgentCard: 'agent/getAuthenticatedExtendedCard',
}

export function jsonRpcClient(address: Address): Client {
  const isLegacy = address.face.version === '0.3'
  const dialect = isLegacy ? legacyJson : current
  const spell = (operation: Operation, params: JsonObject, options?: CallOptions): HttpRequest => {
    const method = isLegacy ? legacyMethods[operation] : operation
    const tenant = address.tenant === '' ? {} : { tenant: address.tenant }
    const body = {
      jsonrpc: '2.0',
      id: randomUUID(),
      method,
      params: { ...tenant, ...dialect.encode(operation, params) },
    }
    return jsonRpcRequest(address, JSON.stringify(body), options)
  }
  return {
    address,
    call: async (operation, params, options) =>
      readJsonRpc(await exchange(spell(operation, params, options)), (result) => dialect.decode(operation, result)),
    stream: async (operation, params, options) => {
      const opened = await openStream(spell(operation, params, options), (data) => {
        if (data['error'] !== undefined) throw new Error(`the stream broke off: ${JSON.stringify(data['error'])}`)
        return dialect.decodeEvent(data['result'] ?? null)
      })
      return 'kind' in opened ? opened : readJsonRpc(opened, (result) => result)
    },
    close: () => undefined,
  }
}

/** Any bytes, sent as the binding sends them. */
export function jsonRpcRequest(address: Address, body: string, options?: CallOptions): HttpRequest {
  const headers = { 'content-type': 'application/json', ...headersOf(address, options) }
  return { method: 'POST', url: address.url, headers, body }
}

export function readJsonRpc(answer: HttpAnswer, decode: (result: JsonValue) => JsonValue): Answer {
  const { json, headers, status: http } = answer
  const common = { kind: 'answer', http, headers, wire: json } as const
  const { error, result } = json
  if (error !== undefined) {
    const said = objectOf(error, 'an error')
    const failure = {
      code: Number(said['code']),
      inner: undefined,
      status: '',
      ...errorInfoIn(said['data']),
      message: textIn(said, 'message'),
    }
    return { ...common, result: {}, failure }
  }
  if (result === undefined) {
    // an empty answer to what gives nothing back is fine; anything else is not JSON-RPC
    const failure = {
      code: 0,
      inner: undefined,
      status: '',
      reason: '',
      domain: '',
      message: answer.text.slice(0, 200),
    }
    return { ...common, result: {}, failure }
  }
  const decoded = decode(result)
  return { ...common, result: decoded === null ? {} : objectOf(decoded, 'a result'), failure: undefined }
}
