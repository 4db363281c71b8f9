// A receiver that is down, slow or says no: calls are not its concern, memory neither, and every span is counted once.

import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { systemClock } from '../base/clock.ts'
import { createDialler } from '../forward/forward.ts'
import { readTraceEnvironment } from '../config/config.ts'
import { eventually } from '../../test/fakes/eventually.ts'
import { startOtlpReceiver } from '../../test/fakes/otlp-receiver.ts'
import type { SendSpans, Sent } from './send-spans.ts'
import { SpanQueue, type SpanQueueOptions } from './span-queue.ts'
import { startTracing } from './telemetry.ts'
import { TracedCall } from './traced-call.ts'
import { startFakeWalk, messageParams } from '../pipeline/fake-walk.ts'

// the queue asks a span for its flags and nothing else
const spanOf = (traceFlags = 1): ReadableSpan => ({ spanContext: () => ({ traceFlags }) }) as unknown as ReadableSpan

const sent: Sent = { kind: 'sent', rejected: 0 }

interface Queue {
  readonly queue: SpanQueue
  readonly batches: number[]
  readonly told: string[]
}

function queueOf(send: SendSpans, options: Partial<SpanQueueOptions> = {}): Queue {
  const batches: number[] = []
  const told: string[] = []
  const queue = new SpanQueue({
    delayMs: 1,
    exportTimeoutMs: 50,
    maxSpans: 10,
    maxBatch: 4,
    clock: systemClock,
    send: (batch) => {
      batches.push(batch.length)
      return send(batch)
    },
    log: { info: (_fields, message) => told.push(message), warn: (_fields, message) => told.push(message) },
    ...options,
  })
  return { queue, batches, told }
}

/** where a busy machine must not look like a receiver that is gone */
const patient = { exportTimeoutMs: 600_000 }

const add = (queue: SpanQueue, count: number): void => {
  for (let at = 0; at < count; at += 1) queue.onEnd(spanOf())
}

test('spans are sent in batches, at once when one is full, else after a while', async () => {
  const { queue, batches } = queueOf(() => Promise.resolve(sent))
  add(queue, 5)
  await eventually('all are sent', () => (queue.report().sent === 5 ? true : undefined))
  assert.deepEqual(batches, [4, 1])
  assert.deepEqual(queue.report(), { sent: 5, failed: 0, dropped: 0, waiting: 0 })
})

test('what is not sampled is neither sent nor counted', async () => {
  const { queue, batches } = queueOf(() => Promise.resolve(sent))
  queue.onEnd(spanOf(0))
  queue.onEnd(spanOf(2))
  await queue.shutdown()
  assert.deepEqual(batches, [])
  assert.deepEqual(queue.report(), { sent: 0, failed: 0, dropped: 0, waiting: 0 })
})

test('a receiver that never answers holds so many spans and no more', async () => {
  const { queue, batches } = queueOf(() => new Promise(() => undefined))
  add(queue, 10_000)
  assert.deepEqual(queue.report(), { sent: 0, failed: 0, dropped: 9_990, waiting: 10 })
  assert.deepEqual(batches, [4])
})

test('what a receiver may take later is sent again, and lost when its time is over', async () => {
  let answers = 0
  const { queue, told } = queueOf(() => {
    answers += 1
    return Promise.resolve(answers <= 2 ? { kind: 'later', why: 'status 503', afterMs: 1 } : sent)
  }, patient)
  add(queue, 4)
  await eventually('they arrive', () => (queue.report().sent === 4 ? true : undefined))
  assert.equal(answers, 3)
  assert.equal(told.length, 2)

  const hopeless = queueOf(() => Promise.resolve({ kind: 'later', why: 'ECONNREFUSED', afterMs: 20 }))
  add(hopeless.queue, 4)
  await eventually('they are given up', () => (hopeless.queue.report().failed === 4 ? true : undefined))
  assert.equal(hopeless.queue.report().waiting, 0)
  assert.equal(hopeless.told.length, 1)
})

test('a wait that is longer than the time that is left is not begun', async () => {
  const { queue, batches } = queueOf(() => Promise.resolve({ kind: 'later', why: 'status 429', afterMs: 60_000 }))
  add(queue, 4)
  await eventually('they are given up', () => (queue.report().failed === 4 ? true : undefined))
  assert.deepEqual(batches, [4])
})

test('what a receiver refuses is not sent again, what it rejects counts, and a bug ends nothing', async () => {
  const answers: Sent[] = [
    { kind: 'refused', why: 'status 400' },
    { kind: 'sent', rejected: 3 },
  ]
  const { queue } = queueOf(() => {
    const answer = answers.shift()
    return answer === undefined ? Promise.reject(new Error('a bug')) : Promise.resolve(answer)
  })
  add(queue, 4)
  await eventually('refused', () => (queue.report().failed === 4 ? true : undefined))
  add(queue, 4)
  await eventually('rejected', () => (queue.report().failed === 7 ? true : undefined))
  add(queue, 1)
  await eventually('thrown', () => (queue.report().failed === 8 ? true : undefined))
  assert.equal(queue.report().sent, 1)
})

test('a stop sends what waits, whatever pause was on, and takes no more', async () => {
  let isDown = true
  const { queue } = queueOf(
    () => Promise.resolve(isDown ? { kind: 'later', why: 'ECONNREFUSED', afterMs: 10_000 } : sent),
    { exportTimeoutMs: 60_000, delayMs: 60_000 },
  )
  add(queue, 7)
  await new Promise((resolve) => setImmediate(resolve))
  isDown = false
  await queue.shutdown()
  add(queue, 2)
  assert.deepEqual(queue.report(), { sent: 7, failed: 0, dropped: 2, waiting: 0 })
})

test('calls are answered while the receiver is gone, slow, rude or talks rubbish', async () => {
  const receiver = await startOtlpReceiver()
  const walk = await startFakeWalk()
  const dialler = createDialler()
  const ways = [
    (_response: ServerResponse): void => undefined,
    (response: ServerResponse): void => void response.socket?.destroy(),
    (response: ServerResponse): void => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    (response: ServerResponse): void => void response.writeHead(200).end(Buffer.alloc(100_000, 255)),
    (response: ServerResponse): void => void response.writeHead(200).end('\n\u0007\b\u0003\u0012\u0003no!'),
    (response: ServerResponse): void => void response.writeHead(503, { 'retry-after': '99999' }).end(),
  ]
  try {
    for (const answer of ways) {
      receiver.answer = answer
      const { spans } = readTraceEnvironment({
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_BSP_SCHEDULE_DELAY: '1',
        OTEL_BSP_MAX_QUEUE_SIZE: '20',
        OTEL_BSP_EXPORT_TIMEOUT: '30',
        OTEL_EXPORTER_OTLP_TIMEOUT: '30',
      })
      assert.ok(spans)
      const log = { info: () => undefined, warn: () => undefined }
      const tracing = await startTracing({ spans, dialler, clock: systemClock, version: '', log })
      Object.assign(walk.parts, { tracing })
      for (let at = 0; at < 10; at += 1) assert.equal((await walk.rpc('SendMessage', messageParams)).status, 200)
      await tracing.stop()
      const { sent: taken, failed, dropped } = tracing.report()
      assert.equal(taken + failed + dropped, 100, String(answer))
      assert.ok(failed + dropped > 0, String(answer))
    }
  } finally {
    await walk.close()
    await dialler.close()
    await receiver.close()
  }
})

test('a call that is never settled leaves nothing', () => {
  const call = new TracedCall({} as never, undefined, { tracer: {} as never, clock: systemClock })
  call.stage('authenticate', 0, 1)
  call.end({} as never, 'refused', '', 2)
  assert.deepEqual(call.headers({ url: 'http://127.0.0.1:9', binding: 'JSONRPC' }), [])
  assert.equal(call.traceparent, '')
})
