// The witness's listener: add-checkpoint of C2SP tlog-witness, and for auditors the newest cosigned note and the
// verifier keys. Anybody may connect. A slow or silent connection is given up for a new one when there is no room,
// bodies are bounded before they are read, and who may take up its time is decided by admission.ts: nobody's flood
// costs a log that is known more than a moment.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Fault } from '../base/fault.ts'
import { sourceNetwork } from '../base/source-network.ts'
import { systemReason } from '../base/system-error.ts'
import { maxAddCheckpointBytes } from '../tlog/add-checkpoint.ts'
import { createAdmission, type Admission } from './admission.ts'
import { judgeCheckpoint, newestNote, type Answer, type JudgeParts } from './judge-checkpoint.ts'

export interface WitnessServer {
  listen(host: string, port: number): Promise<number>
  readonly connections: number
  close(): Promise<void>
}

export interface WitnessServerOptions extends JudgeParts {
  readonly onError: (error: unknown) => void
  readonly maxConnections?: number
  readonly requestsPerMinute?: number
}

const defaultConnections = 512 // bound: connections to a witness
const defaultRequestsPerMinute = 1_200 // bound: requests to a witness in a minute, of a network or a log
const maxHeadBytes = 8_192 // bound: a head at a witness
const headMs = 5_000 // bound: time for a head at a witness
const requestMs = 10_000 // bound: time for a request at a witness
const maxOriginLength = 255

export function createWitnessServer(options: WitnessServerOptions): WitnessServer {
  const admission = createAdmission(options.clock, options.requestsPerMinute ?? defaultRequestsPerMinute)
  const sockets = new Set<Socket>()
  const server = createServer(
    {
      maxHeaderSize: maxHeadBytes,
      headersTimeout: headMs,
      requestTimeout: requestMs,
      keepAliveTimeout: 30_000,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      answer(request, options, admission)
        .catch((error: unknown) => {
          options.onError(error)
          return plain(503, 'the witness cannot keep what it cosigns at present')
        })
        .then((each) => send(request, response, each))
        .catch(options.onError)
    },
  )
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    // a request is answered within a moment: the oldest connection is an idle or a slow one
    const [oldest] = sockets
    if (sockets.size > (options.maxConnections ?? defaultConnections)) oldest?.destroy()
  })
  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', (cause) =>
          reject(
            new Fault('LISTEN_FAILED', `cannot listen on ${host}:${port}: ${systemReason(cause)}`, {
              cause,
              hint: 'choose another address by --listen, or stop the process that has this one',
            }),
          ),
        )
        server.listen(port, host, () => resolve((server.address() as AddressInfo).port)) // a TCP server has one
      }),
    get connections() {
      return sockets.size
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Reply extends Omit<Answer, 'status'> {
  readonly status: number
}

const plain = (status: number, body: string): Reply => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body: `${body}\n`,
})

const tooMany = plain(429, 'too many requests from this network')

async function answer(request: IncomingMessage, options: WitnessServerOptions, admission: Admission): Promise<Reply> {
  const network = sourceNetwork(request.socket.remoteAddress ?? '')
  const { method = '', url = '' } = request
  const [path = '', query = ''] = url.split('?', 2)
  if (path === '/add-checkpoint' && method === 'POST') return await answerLog(request, options, admission, network)
  const origin = new URLSearchParams(query).get('origin') ?? ''
  if (!admission.take(network) && !(path === '/checkpoint' && admission.takeAsLog(network, origin))) return tooMany
  if (path === '/add-checkpoint') return plain(405, 'POST is the method of this call')
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only add-checkpoint is posted')
  if (path === '/keys') return { ...plain(200, ''), body: options.keys.map(({ vkey }) => `${vkey}\n`).join('') }
  if (path !== '/checkpoint') return plain(404, 'nothing is here')
  const note = origin.length > maxOriginLength ? undefined : newestNote(origin, options)
  return note === undefined
    ? plain(404, 'no checkpoint of this log was cosigned here')
    : { ...plain(200, ''), body: note }
}

async function answerLog(
  request: IncomingMessage,
  options: WitnessServerOptions,
  admission: Admission,
  network: string,
): Promise<Reply> {
  if (!admission.mayAsk(network)) return tooMany
  const body = await readBody(request)
  if (body === undefined) {
    admission.settle(network, '', 'failed')
    return plain(413, 'the request is too large')
  }
  const judged = judgeCheckpoint(body, options, (origin) => admission.mayVerify(network, origin))
  if (judged.outcome !== undefined) admission.settle(network, judged.origin, judged.outcome)
  return judged.answer
}

/** Undefined when it is too large, and the rest is not read then, or when the client breaks off. */
function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    if (Number(request.headers['content-length'] ?? 0) > maxAddCheckpointBytes) return resolve(undefined)
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxAddCheckpointBytes) chunks.push(chunk)
      else {
        request.pause()
        resolve(undefined)
      }
    })
    request.once('end', () => resolve(Buffer.concat(chunks)))
    request.once('error', () => resolve(undefined))
    request.once('close', () => resolve(undefined))
  })
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body }: Reply): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, {
    'content-type': contentType,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // what was not read would be taken for the next request
    ...(!request.complete && { connection: 'close' }),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
