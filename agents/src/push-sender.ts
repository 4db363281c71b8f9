// Push notifications of A2A 1.0 (§4.3.3) with care for where they go: the caller chose the address.
// It protects the network around the agent: only HTTPS to public addresses, checked on the address that is
// actually dialled, or the named origins (the gateway's); redirects are not followed, answers are not read.
// It never logs and never fails the task that it tells of.

import { lookup as resolve } from 'node:dns'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import type { StreamResponse, TaskPushNotificationConfig } from '@a2a-js/sdk'
import {
  V1PushNotificationSerializer,
  type PushNotificationSender,
  type PushNotificationStore,
} from '@a2a-js/sdk/server'

const timeoutMs = 5000
const maxQueuedPerTask = 100

const inner = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  inner.addSubnet(network, prefix, 'ipv4')
}
const outer6 = new BlockList()
outer6.addSubnet('2000::', 3, 'ipv6')
const tunnels6 = new BlockList()
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
] as const) {
  tunnels6.addSubnet(network, prefix, 'ipv6')
}

/** True for addresses of the public internet alone. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !inner.check(address, 'ipv4')
  return isIP(address) === 6 && outer6.check(address, 'ipv6') && !tunnels6.check(address, 'ipv6')
}

/** Whether an address is one this agent would call: asked when it is registered, and again before each call. */
export function mayPushTo(url: string, trustedOrigins: readonly string[]): boolean {
  if (!URL.canParse(url)) return false
  const target = new URL(url)
  if (trustedOrigins.includes(target.origin)) return true
  const host = target.hostname.replace(/^\[|\]$/g, '')
  return target.protocol === 'https:' && (isIP(host) === 0 || isPublicAddress(host))
}

export function createPushSender(store: PushNotificationStore, trustedOrigins: () => string[]): PushNotificationSender {
  const serializer = new V1PushNotificationSerializer()
  const queues = new Map<string, { length: number; last: Promise<void> }>()
  return {
    async send(event, context) {
      const taskId = taskIdOf(event)
      if (taskId === '') return
      const configs = await store.load(taskId, context)
      if (configs.length === 0) return
      const { body, contentType } = serializer.serialize(event)
      const deliver = async (): Promise<void> => {
        await Promise.all(configs.map((config) => post(config, body, contentType, trustedOrigins())))
      }
      // One after the other, so that a receiver sees a task's events in their order.
      const queue = queues.get(taskId) ?? { length: 0, last: Promise.resolve() }
      if (queue.length >= maxQueuedPerTask) return
      queue.length++
      queues.set(taskId, queue)
      queue.last = queue.last.then(deliver).finally(() => {
        if (--queue.length === 0) queues.delete(taskId)
      })
      await queue.last
    },
  }
}

function taskIdOf(event: StreamResponse): string {
  if (event.payload?.$case === 'task') return event.payload.value.id
  return event.payload?.value.taskId ?? ''
}

function post(
  config: TaskPushNotificationConfig,
  body: string,
  contentType: string,
  trustedOrigins: readonly string[],
): Promise<void> {
  return new Promise((done) => {
    if (!mayPushTo(config.url, trustedOrigins)) return done()
    const target = new URL(config.url)
    const isTrusted = trustedOrigins.includes(target.origin)
    const headers = credentialsOf(config)
    if (headers === undefined) return done()
    const request = (target.protocol === 'https:' ? requestHttps : requestHttp)(target, {
      method: 'POST',
      headers: { 'content-type': contentType, 'content-length': Buffer.byteLength(body), ...headers },
      signal: AbortSignal.timeout(timeoutMs),
      ...(isTrusted ? {} : { lookup: lookupPublic }),
    })
    // Delivery is tried once; a receiver that cannot be reached can still ask for the task.
    request.on('error', () => done())
    request.on('response', (response) => {
      response.destroy()
      done()
    })
    request.end(body)
  })
}

/** undefined when they cannot be header values: such a notification is not sent without them. */
function credentialsOf(config: TaskPushNotificationConfig): Record<string, string> | undefined {
  const headers: Record<string, string> = {}
  const { authentication, token } = config
  if (authentication?.scheme) headers['authorization'] = `${authentication.scheme} ${authentication.credentials}`
  if (token !== '') headers['x-a2a-notification-token'] = token
  return Object.values(headers).every((value) => /^[\x20-\x7e]*$/.test(value)) ? headers : undefined
}

/** Resolves a name and lets the connection be made only when every address it has is public. */
const lookupPublic: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, [])
    const isSafe = addresses.length > 0 && addresses.every(({ address }) => isPublicAddress(address))
    const [first] = addresses
    if (!isSafe || first === undefined) return callback(new Error('address not public'), [])
    if (options.all === true) callback(null, addresses)
    else callback(null, first.address, first.family)
  })
}
