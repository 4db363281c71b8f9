// grpc.health.v1 on the gateway's own listener, for load balancers and clients that ask before they call. It says whether
// calls are taken, of nobody in particular, and leaves no record. Watch is not served, as the protocol allows: who gets
// UNIMPLEMENTED takes a server for healthy.

import type { PublicDocument, ReceivedFields } from '../exchange/exchange.ts'
import { grpcErrorFields, grpcOk } from '../faces/grpc-error.ts'
import { createFrameReader, frameMessage } from '../protobuf/frames.ts'
import { decodeHealthRequest, encodeHealthResponse } from '../protobuf/health.ts'
import { services } from '../protobuf/schema.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'

const head = { 'content-type': 'application/grpc' }
const known: ReadonlySet<string> = new Set(['', ...Object.values(services)])
const largestRequest = 1_024 // bound: a gRPC health request

export async function answerHealth(
  request: ReceivedFields,
  { method }: Extract<PublicDocument, { kind: 'grpc-health' }>,
): Promise<Refusal | undefined> {
  const fail = (grpc: 'UNIMPLEMENTED' | 'NOT_FOUND' | 'INVALID_ARGUMENT', message: string): undefined => {
    request.reply.send(200, { ...head, ...grpcErrorFields({ grpc, message, details: [] }) }, '')
    return undefined
  }
  if (method === 'watch') return fail('UNIMPLEMENTED', 'watch is not served')
  const body = await request.readBody()
  if (isRefusal(body)) return body
  const [message] = createFrameReader(largestRequest).push(body).messages
  const service = message === undefined ? undefined : decodeHealthRequest(message)
  if (service === undefined) return fail('INVALID_ARGUMENT', 'not a health request')
  if (!known.has(service)) return fail('NOT_FOUND', 'unknown service')
  // whoever is answered at all is served: a gateway that stops takes no new streams
  request.reply.send(200, head, frameMessage(encodeHealthResponse('SERVING')), grpcOk)
  return undefined
}
