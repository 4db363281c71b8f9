// Connections to agents that speak gRPC, one for each origin and its TLS files, shared by all their calls and kept over a
// reload. The library is told to ask nobody else: no proxy of the environment, no service configuration out of DNS, no
// retries of its own.

import { hash } from 'node:crypto'
import { Client, credentials } from '@grpc/grpc-js'
import type { GrpcLease, GrpcOptions } from './dialler.ts'

export interface GrpcClients {
  lease(options: GrpcOptions): GrpcLease
  closeAll(): void
}

export function createGrpcClients(): GrpcClients {
  const open = new Map<string, { readonly client: Client; shares: number }>()
  return {
    lease(options) {
      const key = keyOf(options)
      const shared = open.get(key) ?? { client: connect(options), shares: 0 }
      open.set(key, shared)
      shared.shares += 1
      let isHeld = true
      return {
        client: shared.client,
        release() {
          if (!isHeld) return
          isHeld = false
          shared.shares -= 1
          if (shared.shares > 0 || open.get(key) !== shared) return
          open.delete(key)
          shared.client.close()
        },
      }
    },
    closeAll() {
      for (const { client } of open.values()) client.close()
      open.clear()
    },
  }
}

function keyOf({ origin, maxMessageBytes, tls }: GrpcOptions): string {
  const files = [tls?.ca, tls?.certificate, tls?.key?.bytes()].map((part) => part?.toString('base64') ?? '')
  return hash('sha256', JSON.stringify([origin, maxMessageBytes, files]), 'base64url')
}

function connect({ origin, maxMessageBytes, tls }: GrpcOptions): Client {
  const { protocol, host, port } = new URL(origin)
  const isSecure = protocol === 'https:'
  const address = port === '' ? `${host}:${isSecure ? 443 : 80}` : host
  const trust = isSecure
    ? credentials.createSsl(tls?.ca ?? null, tls?.key?.bytes() ?? null, tls?.certificate ?? null)
    : credentials.createInsecure()
  return new Client(address, trust, {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 250,
    'grpc.max_reconnect_backoff_ms': 10_000,
  })
}
