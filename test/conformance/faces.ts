// The columns of the suite: each binding in each version of A2A, by the names that agent cards have for them.

export type Binding = 'JSONRPC' | 'HTTP+JSON' | 'GRPC'
export type Version = '1.0' | '0.3'

export interface Face {
  readonly binding: Binding
  readonly version: Version
}

export const faces: readonly Face[] = (['1.0', '0.3'] as const).flatMap((version) =>
  (['JSONRPC', 'HTTP+JSON', 'GRPC'] as const).map((binding) => ({ binding, version })),
)

export function faceOf(binding: Binding, version: Version): Face {
  const found = faces.find((face) => face.binding === binding && face.version === version)
  if (found === undefined) throw new Error(`there is no ${binding} ${version}`)
  return found
}

const spoken: Readonly<Record<Binding, string>> = { JSONRPC: 'JSON-RPC', 'HTTP+JSON': 'HTTP+JSON', GRPC: 'gRPC' }

export function nameOf({ binding, version }: Face): string {
  return `${spoken[binding]} ${version}`
}
