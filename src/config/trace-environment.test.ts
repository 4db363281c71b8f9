import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { readTraceEnvironment } from './trace-environment.ts'

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }

test('without an endpoint there are no spans, whatever else is set', () => {
  for (const env of [
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' },
    { OTEL_TRACES_EXPORTER: 'otlp', OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' },
    { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://127.0.0.1:4318/v1/metrics' },
  ])
    assert.deepEqual(readTraceEnvironment(env), { spans: undefined, warnings: [] })
})

test('what switches spans off does so without a word', () => {
  for (const env of [{ OTEL_SDK_DISABLED: 'true' }, { OTEL_SDK_DISABLED: 'TRUE' }, { OTEL_TRACES_EXPORTER: 'none' }])
    assert.deepEqual(readTraceEnvironment({ ...endpoint, ...env }), { spans: undefined, warnings: [] })
  assert.notEqual(readTraceEnvironment({ ...endpoint, OTEL_SDK_DISABLED: 'yes' }).spans, undefined)
})

test('what is not supported or cannot be read sends nothing, and says so', () => {
  for (const env of [
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc' },
    { OTEL_TRACES_EXPORTER: 'zipkin' },
    { OTEL_TRACES_EXPORTER: 'otlp,console' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'not a url' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://127.0.0.1' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://user:secret@127.0.0.1' },
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: '/v1/traces' },
    { OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere/ca.pem' },
    { OTEL_EXPORTER_OTLP_CLIENT_KEY: '/nowhere/key.pem' },
  ]) {
    const { spans, warnings } = readTraceEnvironment({ ...endpoint, ...env })
    assert.equal(spans, undefined, JSON.stringify(env))
    assert.equal(warnings.length, 1, JSON.stringify(env))
    assert.doesNotMatch(warnings.join(), /secret/)
  }
})

test('the common endpoint is a base, that of traces is used as it is', () => {
  for (const [env, url] of [
    [endpoint, 'http://127.0.0.1:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c.example/base/' }, 'https://c.example/base/v1/traces'],
    [{ ...endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://c.example/in?x=1' }, 'https://c.example/in?x=1'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://c.example' }, 'https://c.example/'],
  ] as const)
    assert.equal(readTraceEnvironment(env).spans?.url, url)
})

test('defaults are those of the specification', () => {
  const { spans, warnings } = readTraceEnvironment(endpoint)
  assert.deepEqual(spans, {
    url: 'http://127.0.0.1:4318/v1/traces',
    encoding: 'protobuf',
    headers: [],
    timeoutMs: 10_000,
    resource: { 'service.name': 'sallyport' },
    sampler: { kind: 'always_on', ratio: 1, parentBased: true },
    queue: { delayMs: 5_000, exportTimeoutMs: 30_000, maxSpans: 2_048, maxBatch: 512 },
  })
  assert.deepEqual(warnings, [])
})

test('headers are decoded, those of traces win, and none that is not to be set is', () => {
  const read = (text: string, own?: string): [string, string][] =>
    (
      readTraceEnvironment({
        ...endpoint,
        OTEL_EXPORTER_OTLP_HEADERS: text,
        ...(own !== undefined && { OTEL_EXPORTER_OTLP_TRACES_HEADERS: own }),
      }).spans?.headers ?? []
    ).map(({ name, value }) => [name, value.text()])
  assert.deepEqual(read('Authorization=Bearer%20a%3Db, x-tenant = 1'), [
    ['authorization', 'Bearer a=b'],
    ['x-tenant', '1'],
  ])
  assert.deepEqual(read('a=1', 'b=2'), [['b', '2']])
  for (const wrong of ['a', '=1', 'a b=1', 'a=%0d%0ax: 1', 'a=%', 'a=é%00', 'host=x', 'Content-Type=x', 'a=%E2%82%AC'])
    assert.deepEqual(read(wrong), [], wrong)
  const many = Array.from({ length: 40 }, (_, at) => `h${at}=1`).join(',')
  assert.equal(read(many).length, 32)
})

test('a header that is left out is told of, and never shown', () => {
  const { spans, warnings } = readTraceEnvironment({ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: 'a=hidden%0a,b=ok' })
  assert.equal(warnings.length, 1)
  assert.doesNotMatch(warnings.join() + JSON.stringify(spans), /hidden|"ok"/)
})

test('the resource has a service name in any case', () => {
  const read = (env: Record<string, string>): unknown => readTraceEnvironment({ ...endpoint, ...env }).spans?.resource
  assert.deepEqual(read({ OTEL_RESOURCE_ATTRIBUTES: 'service.name=a,deployment.environment.name=prod%20eu' }), {
    'service.name': 'a',
    'deployment.environment.name': 'prod eu',
  })
  assert.deepEqual(read({ OTEL_RESOURCE_ATTRIBUTES: 'service.name=a', OTEL_SERVICE_NAME: 'b' }), {
    'service.name': 'b',
  })
  assert.deepEqual(read({ OTEL_RESOURCE_ATTRIBUTES: 'rubbish,__proto__=x' }), {
    ['__proto__']: 'x',
    'service.name': 'sallyport',
  })
})

test('samplers are those of the specification that need nobody else', () => {
  const read = (name: string, argument = ''): unknown =>
    readTraceEnvironment({ ...endpoint, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument }).spans?.sampler
  assert.deepEqual(read('always_off'), { kind: 'always_off', ratio: 1, parentBased: false })
  assert.deepEqual(read('parentbased_always_off'), { kind: 'always_off', ratio: 1, parentBased: true })
  assert.deepEqual(read('traceidratio', '0.25'), { kind: 'traceidratio', ratio: 0.25, parentBased: false })
  assert.deepEqual(read('parentbased_traceidratio', '0'), { kind: 'traceidratio', ratio: 0, parentBased: true })
  for (const wrong of ['-1', '1.5', 'half', 'NaN'])
    assert.deepEqual(read('traceidratio', wrong), { kind: 'traceidratio', ratio: 1, parentBased: false }, wrong)
  for (const wrong of ['xray', 'jaeger_remote', 'parentbased_jaeger_remote', 'ALWAYS_ON'])
    assert.deepEqual(read(wrong), { kind: 'always_on', ratio: 1, parentBased: true }, wrong)
})

test('numbers are bounded, and what is none leaves the default', () => {
  const read = (env: Record<string, string>): unknown => readTraceEnvironment({ ...endpoint, ...env }).spans?.queue
  const queue = { delayMs: 5_000, exportTimeoutMs: 30_000, maxSpans: 2_048, maxBatch: 512 }
  assert.deepEqual(read({ OTEL_BSP_MAX_QUEUE_SIZE: '100' }), { ...queue, maxSpans: 100, maxBatch: 100 })
  assert.deepEqual(read({ OTEL_BSP_MAX_QUEUE_SIZE: '999999999' }), { ...queue, maxSpans: 65_536 })
  for (const wrong of ['0', '-5', '1.5', '1e9', 'many', '99999999999999'])
    assert.deepEqual(read({ OTEL_BSP_SCHEDULE_DELAY: wrong, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: wrong }), queue, wrong)
})

test('files of TLS are read when they are named', () => {
  const tls = join(import.meta.dirname, '../../test/fixtures/tls')
  const { spans } = readTraceEnvironment({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://127.0.0.1:4318',
    OTEL_EXPORTER_OTLP_CERTIFICATE: join(tls, 'ca.crt'),
    OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: join(tls, 'client.crt'),
    OTEL_EXPORTER_OTLP_CLIENT_KEY: join(tls, 'client.key'),
  })
  assert.match(spans?.tls?.ca?.toString() ?? '', /BEGIN CERTIFICATE/)
  assert.match(spans?.tls?.key?.text() ?? '', /PRIVATE KEY/)
  assert.doesNotMatch(JSON.stringify(spans?.tls?.key), /PRIVATE/)
})
