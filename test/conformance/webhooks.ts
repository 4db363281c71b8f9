// A receiver of push notifications on loopback: each test opens an address of its own and sees what was sent there.

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { soon } from './clients/client.ts'
import type { Delivery, Webhook, Webhooks } from './subject.ts'
import type { JsonObject } from './wire/dialect.ts'

export interface WebhookServer extends Webhooks {
  readonly origin: string
  close(): Promise<void>
}

export async function startWebhooks(): Promise<WebhookServer> {
  const boxes = new Map<string, { received: Delivery[]; changed: () => void }>()
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const box = boxes.get(request.url ?? '')
      response.writeHead(box === undefined ? 404 : 200).end()
      box?.received.push({
        headers: Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k, String(v)])),
        body,
      })
      box?.changed()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const origin = `http://127.0.0.1:${port}`
  const open = (): Webhook => {
    const path = `/webhook/${randomUUID()}`
    const box = { received: [] as Delivery[], changed: (): void => undefined }
    boxes.set(path, box)
    const until: Webhook['until'] = async (isEnough) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      box.changed = () => {
        if (isEnough(box.received)) resolve()
      }
      box.changed()
      await soon(promise, 'push notifications', 5_000)
      return box.received
    }
    return { url: `${origin}${path}`, received: box.received, until }
  }
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await closed
  }
  return { origin, open, close }
}

async function readBody(request: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as JsonObject
  } catch {
    return {} // a notification that is not JSON is for the test to judge
  }
}
