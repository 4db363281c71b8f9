// The two messages of grpc.health.v1.Health, which load balancers and orchestrators ask.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { scanWire } from './scan-wire.ts'
import { messageNamed } from './schema.ts'

export const healthService = 'grpc.health.v1.Health'
export const healthPaths: Readonly<{ check: string; watch: string }> = Object.freeze({
  check: `/${healthService}/Check`,
  watch: `/${healthService}/Watch`,
})

export type ServingStatus = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'

const statuses: readonly ServingStatus[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']
const requestMessage = messageNamed('grpc.health.v1.HealthCheckRequest')
const responseMessage = messageNamed('grpc.health.v1.HealthCheckResponse')

/** The service that is asked after, '' for all of it; undefined when the bytes are no such request. */
export function decodeHealthRequest(bytes: Uint8Array): string | undefined {
  if (!scanWire(requestMessage, bytes).ok) return undefined
  // the schema of tools/make-descriptors.ts
  return (fromBinary(requestMessage, bytes) as unknown as { service: string }).service
}

export function encodeHealthRequest(service: string): Buffer {
  return Buffer.from(toBinary(requestMessage, create(requestMessage, { service })))
}

export function decodeHealthResponse(bytes: Uint8Array): ServingStatus | undefined {
  if (!scanWire(responseMessage, bytes).ok) return undefined
  // the schema of tools/make-descriptors.ts
  return statuses[(fromBinary(responseMessage, bytes) as unknown as { status: number }).status]
}

export function encodeHealthResponse(status: ServingStatus): Buffer {
  const message = create(responseMessage, { status: statuses.indexOf(status) })
  return Buffer.from(toBinary(responseMessage, message))
}
