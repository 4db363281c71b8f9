// Where no spans are kept the packages that make them are not even loaded: neither at the start nor by a call. Looked at
// in a process of its own, because other tests load them.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'

const script = `
import { registerHooks } from 'node:module'
const loaded = []
registerHooks({ load(url, context, nextLoad) { loaded.push(url); return nextLoad(url, context) } })
const { startSpans } = await import('./src/serve/start-spans.ts')
const { messageParams, startFakeWalk } = await import('./src/pipeline/fake-walk.ts')
await import('./src/serve/gateway.ts')
const { createManualClock } = await import('./src/base/clock.ts')
const { createDialler } = await import('./src/forward/forward.ts')
const { readTraceEnvironment } = await import('./src/config/config.ts')
const log = { info: () => undefined, warn: () => undefined }
const options = { dialler: createDialler(), clock: createManualClock(), version: '', log }
await startSpans(readTraceEnvironment({}), options)
const walk = await startFakeWalk()
const { status } = await walk.rpc('SendMessage', messageParams)
await walk.close()
const off = [...loaded]
const tracing = await startSpans(readTraceEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }), options)
await tracing.stop()
console.log(JSON.stringify({ status, off, on: loaded }))
`

const isTracing = (url: string): boolean =>
  /@opentelemetry\/(sdk-trace|resources|otlp-transformer|core|semantic-conventions)|telemetry\/(open-tracing|traced-call)/.test(
    url,
  )

test('the gateway loads nothing of the tracing packages until spans are asked for', () => {
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: `${import.meta.dirname}/../..`,
    encoding: 'utf8',
  })
  const { status, off, on } = JSON.parse(out) as { status: number; off: string[]; on: string[] }
  assert.equal(status, 200)
  assert.ok(off.some((url) => url.endsWith('/telemetry/telemetry.ts')))
  assert.deepEqual(off.filter(isTracing), [])
  assert.ok(on.filter(isTracing).length > 10)
})
