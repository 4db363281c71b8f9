// The control of the bench: what `node:http` and undici's `dispatch` cost when nothing is checked, recorded or
// decided. It passes every request to one origin and every answer back, streams with back-pressure both ways.
// Usage: node pass-through.ts LISTEN-PORT ORIGIN. It must never get slower to make others look fast.

import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Pool } from 'undici'
import type { Dispatcher } from 'undici'

const [port = '', origin = ''] = process.argv.slice(2)
const pool = new Pool(origin, { pipelining: 1, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 60_000 })
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'host',
  'content-length',
  'expect',
  'upgrade',
  'te',
])

const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
  // undici writes a buffer in one piece with the head; a body in several pieces is put together first.
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => pass(request, response, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
})
server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 })

function pass(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  let upstream: Dispatcher.DispatchController | undefined
  response.on('close', () => {
    if (!response.writableFinished) upstream?.abort(new Error('the client went away'))
  })
  pool.dispatch(
    {
      path: request.url ?? '/',
      method: request.method ?? 'GET',
      headers: keepEndToEnd(request.rawHeaders),
      body: body.length > 0 ? body : null,
    },
    {
      onRequestStart: (controller) => (upstream = controller),
      onResponseStart: (controller, status, headers) => {
        delete headers['connection']
        delete headers['keep-alive']
        delete headers['transfer-encoding']
        response.writeHead(status, headers)
      },
      onResponseData: (controller, chunk) => {
        if (response.write(chunk)) return
        controller.pause()
        response.once('drain', () => controller.resume())
      },
      onResponseEnd: () => void response.end(),
      onResponseError: () => {
        if (response.headersSent) response.destroy()
        else response.writeHead(502).end()
      },
    },
  )
}

function keepEndToEnd(rawHeaders: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (!hopByHop.has(rawHeaders[at]!.toLowerCase())) kept.push(rawHeaders[at]!, rawHeaders[at + 1]!)
  }
  return kept
}
