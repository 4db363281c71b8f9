// The official SDK's generated protobuf codec, unmodified: the eye of an agent that gets bytes which the gateway has
// scanned. The gateway's own tests look through it.

import { A2AService } from '@a2a-js/sdk/server/grpc'
import { LegacyA2AService } from '@a2a-js/sdk/compat/v0_3/server/grpc'

interface Codec {
  readonly path: string
  readonly requestDeserialize: (bytes: Buffer) => unknown
  readonly requestSerialize: (message: never) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => unknown
  readonly responseSerialize: (message: never) => Buffer
}

export interface Seen {
  /** as the agent's code gets it */
  readonly message: Readonly<Record<string, unknown>>
  /** the same, written by the SDK again */
  readonly bytes: Buffer
}

const codecs = new Map<string, Codec>(
  [...Object.values(A2AService), ...Object.values(LegacyA2AService)].map((each) => [
    each.path,
    each as unknown as Codec,
  ]),
)

/** What the SDK reads in the message of a method, by its gRPC path. Throws where it cannot read it. */
export function readWithSdk(path: string, kind: 'request' | 'answer', bytes: Buffer): Seen {
  const codec = codecs.get(path)
  if (codec === undefined) throw new Error(`the SDK has no ${path}`)
  const [read, write] =
    kind === 'request'
      ? [codec.requestDeserialize, codec.requestSerialize]
      : [codec.responseDeserialize, codec.responseSerialize]
  const message = read(bytes)
  return { message: message as Readonly<Record<string, unknown>>, bytes: write(message as never) }
}
