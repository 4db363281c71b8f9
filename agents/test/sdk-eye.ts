// The eye of an agent: the official SDK's servers for JSON-RPC and HTTP+JSON, unmodified, in front of a handler that does
// nothing but note which operation was asked for and with what. Tests send it the bytes that the gateway forwards.

import { once } from 'node:events'
import { request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TaskNotFoundError } from '@a2a-js/sdk/errors'
import { UserBuilder, jsonRpcHandler, restHandler } from '@a2a-js/sdk/server/express'
import express from 'express'

export interface Read {
  /** by the handler's own method: sendMessage, getTask … */
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
  /** of the call's context, where the SDK keeps the one of path or params */
  readonly tenant: string
}

export interface SdkEye {
  /** What the SDK reads; undefined when it refuses. Paths are relative to the agent: '' is JSON-RPC. */
  read(call: { method: string; path: string; body: string | Buffer }): Promise<Read | undefined>
  close(): Promise<void>
}

export async function openSdkEye(): Promise<SdkEye> {
  let seen: Read | undefined
  const requestHandler = new Proxy(
    {},
    {
      get: (_target, method) => {
        // a promise would have it
        if (typeof method !== 'string' || method === 'then') return undefined
        // streams are asked of a generator, everything else of a promise; both may fail once the call was noted
        return (params: Readonly<Record<string, unknown>>, context?: { readonly tenant?: string }) => {
          if (!method.startsWith('get') || !method.endsWith('AgentCard') || method.includes('Authenticated'))
            seen = { method, params, tenant: context?.tenant ?? '' }
          if (method === 'getAgentCard') return Promise.resolve(card)
          // the answer does not matter, and this is one that the SDK does not complain of
          throw new TaskNotFoundError('noted')
        }
      },
    },
  ) as Parameters<typeof jsonRpcHandler>[0]['requestHandler']
  const options = { requestHandler, userBuilder: UserBuilder.noAuthentication }
  const app = express()
  app.use('/rpc', jsonRpcHandler(options))
  app.use('/rest', restHandler(options))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    async read({ method, path, body }) {
      seen = undefined
      await post(port, { method, path: path === '' ? '/rpc' : `/rest${path}`, body })
      return seen
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** `fetch` would tidy paths up. */
function post(port: number, call: { method: string; path: string; body: string | Buffer }): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'a2a-version': '1.0',
      ...(call.body.length > 0 && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(call.body),
      }),
    }
    const { method, path, body } = call
    const sent = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      response.resume().on('end', resolve).on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const card = {
  name: 'eye',
  description: 'reads',
  version: '1',
  supportedInterfaces: ['JSONRPC', 'HTTP+JSON'].map((protocolBinding) => ({
    url: 'http://127.0.0.1',
    protocolBinding,
    protocolVersion: '1.0',
    tenant: '',
  })),
  capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true, extensions: [] },
  skills: [],
  defaultInputModes: [],
  defaultOutputModes: [],
}
