// Checks what an agent's configuration says of the forms in which it is called: bindings and the addresses they need.

import type { ConfigPath, Finding } from './problem.ts'
import type { AgentConfig } from './schema.ts'

export function checkFaces({ bindings, grpcUrl }: AgentConfig, path: ConfigPath): Finding[] {
  if (grpcUrl === undefined) {
    const at = bindings?.indexOf('GRPC') ?? -1
    const message = 'nothing says where the agent is called by gRPC'
    const hint = 'give grpcUrl: https://HOST:PORT, or http://HOST:PORT without TLS'
    return at < 0 ? [] : [{ path: [...path, 'bindings', at], message, hint }]
  }
  const { pathname, search, origin } = new URL(grpcUrl)
  const message = 'a gRPC endpoint has neither path nor query'
  return pathname === '/' && search === '' ? [] : [{ path: [...path, 'grpcUrl'], message, hint: `write ${origin}` }]
}

/** Addresses that no call would ever go to, although somebody wrote them down. */
export function warnOfUnusedAddress({ bindings, grpcUrl, restUrl }: AgentConfig, path: ConfigPath): Finding[] {
  if (bindings === undefined) return []
  const message = 'is never called, because bindings leaves it out'
  return [
    ...(grpcUrl === undefined || bindings.includes('GRPC')
      ? []
      : [{ path: [...path, 'grpcUrl'], message, hint: 'add GRPC to bindings, or leave grpcUrl out' }]),
    ...(restUrl === undefined || bindings.includes('HTTP+JSON')
      ? []
      : [{ path: [...path, 'restUrl'], message, hint: 'add HTTP+JSON to bindings, or leave restUrl out' }]),
  ]
}
