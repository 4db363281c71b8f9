// Checks what an agent's configuration says of the forms in which it is called: bindings and the addresses they need.

import { isIP } from 'node:net'
import type { ConfigPath, Finding } from './problem.ts'
import type { AgentConfig } from './schema.ts'

export function checkFaces({ bindings, grpcUrl }: AgentConfig, path: ConfigPath): Finding[] {
  if (grpcUrl === undefined) {
    const at = bindings?.indexOf('GRPC') ?? -1
    const message = 'nothing says where the agent is called by gRPC'
    const hint = 'give grpcUrl: https://HOST:PORT, or http://HOST:PORT without TLS'
    return at < 0 ? [] : [{ path: [...path, 'bindings', at], message, hint }]
  }
  const { pathname, search, origin, protocol, hostname } = new URL(grpcUrl)
  const at = [...path, 'grpcUrl']
  const found: Finding[] = []
  if (pathname !== '/' || search !== '')
    found.push({ path: at, message: 'a gRPC endpoint has neither path nor query', hint: `write ${origin}` })
  // the gRPC client names its target in the handshake, where TLS allows host names alone
  if (protocol === 'https:' && isIP(hostname.replace(/^\[|\]$/g, '')) !== 0)
    found.push({ path: at, message: 'over TLS a gRPC endpoint is reached by host name only', hint: 'name the host' })
  return found
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
