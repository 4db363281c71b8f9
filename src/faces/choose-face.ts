// In which form an agent is called: the caller's own where the agent speaks that, so that bytes can go through as they
// are; otherwise the version that it names first, and the binding that loses least.

import type { Binding, Face, ProtocolVersion } from '../a2a/operations.ts'

/** What of an agent's configuration says how it can be called. */
export interface SpokenFaces {
  readonly bindings?: readonly Binding[] | undefined
  readonly grpcUrl?: string | undefined
  readonly speaks: readonly ProtocolVersion[]
}

const usual: readonly Binding[] = Object.freeze(['JSONRPC', 'HTTP+JSON'])
const usualAndGrpc: readonly Binding[] = Object.freeze(['JSONRPC', 'HTTP+JSON', 'GRPC'])

/** The bindings that an agent speaks. */
export function spokenBindings({ bindings, grpcUrl }: SpokenFaces): readonly Binding[] {
  return bindings ?? (grpcUrl === undefined ? usual : usualAndGrpc)
}

const faces: Readonly<Record<ProtocolVersion, Readonly<Record<Binding, Face>>>> = Object.freeze({
  '1.0': facesOf('1.0'),
  '0.3': facesOf('0.3'),
})

function facesOf(version: ProtocolVersion): Readonly<Record<Binding, Face>> {
  const face = (binding: Binding): Face => Object.freeze({ binding, version })
  return Object.freeze({ JSONRPC: face('JSONRPC'), 'HTTP+JSON': face('HTTP+JSON'), GRPC: face('GRPC') })
}

/** The one object of each face. */
export const faceOf = (binding: Binding, version: ProtocolVersion): Face => faces[version][binding]

/**
 * Whether the agent reads what the caller wrote: bytes go through in both directions then, and nothing is translated.
 * INVARIANT: forward and release both ask this, so that an answer is read as the request was written.
 */
export const speaksAlike = ({ agentFace, binding, version }: Face & { readonly agentFace: Face }): boolean =>
  agentFace.binding === binding && agentFace.version === version

/** `caller` is how the call came. */
export function chooseFace(agent: SpokenFaces, caller: Face): Face {
  const spoken = spokenBindings(agent)
  // JSON loses nothing of JSON; protobuf loses what its schema does not name
  const binding = spoken.includes(caller.binding)
    ? caller.binding
    : (usualAndGrpc.find((each) => spoken.includes(each)) ?? 'JSONRPC')
  const version = agent.speaks.includes(caller.version) ? caller.version : (agent.speaks[0] ?? '1.0')
  return faceOf(binding, version)
}
