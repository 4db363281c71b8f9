// Where no spans are kept the packages that make them are not even loaded: neither at the start nor by a call.

import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import { test } from 'node:test'

test('the gateway loads nothing of the tracing packages until spans are asked for', async () => {
  const loaded: string[] = []
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      loaded.push(url)
      return nextLoad(url, context)
    },
  })
  const isTracing = (url: string): boolean =>
    /@opentelemetry\/(sdk-trace|resources|otlp-transformer|core|semantic-conventions)|telemetry\/(open-tracing|traced-call|send-spans)/.test(
      url,
    )
  try {
    const { startSpans } = await import('../serve/start-spans.ts')
    const { messageParams, startFakeWalk } = await import('../pipeline/fake-walk.ts')
    await import('../serve/gateway.ts')
    const log = { info: () => undefined, warn: () => undefined }
    const { createManualClock } = await import('../base/clock.ts')
    const { createDialler } = await import('../forward/forward.ts')
    const options = { dialler: createDialler(), clock: createManualClock(), version: '', log }
    assert.equal(await startSpans({ spans: undefined, warnings: [] }, options), undefined)
    const walk = await startFakeWalk()
    assert.equal((await walk.rpc('SendMessage', messageParams)).status, 200)
    await walk.close()
    assert.ok(loaded.some((url) => url.endsWith('/telemetry/telemetry.ts')))
    assert.deepEqual(loaded.filter(isTracing), [])
    const { readTraceEnvironment } = await import('../config/config.ts')
    const asked = readTraceEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })
    await (await startSpans(asked, options))?.stop()
    assert.notDeepEqual(loaded.filter(isTracing), [])
  } finally {
    hooks.deregister()
  }
})
