import assert from 'node:assert/strict'
import test from 'node:test'
import { catalogue } from '../refusal/refusal.ts'
import { createMetrics, type Gauges, type Metrics } from './metrics.ts'

const gauges: Gauges = {
  openStreams: () => 3,
  connections: () => 4,
  ledger: () => ({ records: 5, bytes: 6, syncs: 7, syncSeconds: 0.5, writable: true }),
  unrecorded: () => 8,
  agents: () => [
    { name: 'calculator', isUp: true, circuitOpen: false },
    { name: 'vault', isUp: false, circuitOpen: true },
  ],
}

interface Sample {
  readonly name: string
  readonly labels: Record<string, string>
  readonly value: number
}

/** Strict reading of the text format 0.0.4: throws on a line that is not of it, or on a sample without its family. */
async function scrape(metrics: Metrics): Promise<Sample[]> {
  const samples: Sample[] = []
  const types = new Map<string, string>()
  for (const line of (await metrics.expose()).split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue
    const type = /^# TYPE ([a-z_][a-z0-9_]*) (counter|gauge|histogram|summary|untyped)$/.exec(line)
    if (type !== null) {
      assert.equal(types.has(type[1] ?? ''), false, `family twice: ${line}`)
      types.set(type[1] ?? '', type[2] ?? '')
      continue
    }
    const match = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    assert.ok(match, line)
    const labels: Record<string, string> = {}
    const list = match[2] ?? ''
    const label = /([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/gy
    while (label.lastIndex < list.length) {
      const found = label.exec(list)
      assert.ok(found, line)
      labels[found[1] ?? ''] = found[2] ?? ''
    }
    const name = match[1] ?? ''
    assert.ok(types.has(name) || types.has(name.replace(/_(bucket|sum|count)$/, '')), `no family: ${line}`)
    // Go's parser, which reads it, takes NaN in any case
    assert.ok(/^(\+Inf|nan)$/i.test(match[3] ?? '') || Number.isFinite(Number(match[3])), line)
    samples.push({ name, labels, value: Number(match[3]) })
  }
  return samples
}

const valueOf = (samples: readonly Sample[], name: string, labels: Record<string, string> = {}): number | undefined =>
  samples.find(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )?.value

test('what is exposed is the text format, also before the first call', async () => {
  const samples = await scrape(createMetrics(gauges))
  assert.equal(valueOf(samples, 'sallyport_open_streams'), 3)
  assert.equal(valueOf(samples, 'sallyport_ledger_records'), 5)
  assert.equal(valueOf(samples, 'sallyport_ledger_writable'), 1)
  assert.equal(valueOf(samples, 'sallyport_unrecorded_events'), 8)
  assert.equal(valueOf(samples, 'sallyport_agent_up', { agent: 'vault' }), 0)
  assert.equal(valueOf(samples, 'sallyport_agent_circuit_open', { agent: 'vault' }), 1)
})

test('calls are counted by agent, operation and outcome', async () => {
  const metrics = createMetrics(gauges)
  metrics.call('calculator', 'SendMessage', 'completed', 5)
  metrics.call('calculator', 'SendMessage', 'completed', 5)
  metrics.call('calculator', 'SendMessage', 'failed', 5)
  const samples = await scrape(metrics)
  const labels = { agent: 'calculator', operation: 'SendMessage' }
  assert.equal(valueOf(samples, 'sallyport_calls_total', { ...labels, outcome: 'completed' }), 2)
  assert.equal(valueOf(samples, 'sallyport_calls_total', { ...labels, outcome: 'failed' }), 1)
})

test("a histogram's buckets grow, and the last holds everything", async () => {
  const metrics = createMetrics(gauges)
  for (const milliseconds of [0, 0.01, 0.03, 1, 100, 1e6]) metrics.stage('validate', milliseconds)
  const samples = await scrape(metrics)
  const buckets = samples.filter((sample) => sample.name === 'sallyport_stage_duration_seconds_bucket')
  const counts = buckets.map((sample) => sample.value)
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  )
  assert.equal(buckets.at(-1)?.labels['le'], '+Inf')
  assert.equal(buckets.at(-1)?.value, 6)
  assert.equal(buckets[0]?.value, 2)
  assert.equal(valueOf(samples, 'sallyport_stage_duration_seconds_count'), 6)
  assert.ok(Math.abs((valueOf(samples, 'sallyport_stage_duration_seconds_sum') ?? 0) - 1_000.10104) < 1e-6)
})

test('every refusal of the catalogue is there from the start, at nothing', async () => {
  const metrics = createMetrics(gauges)
  for (const code of Object.keys(catalogue))
    assert.equal(valueOf(await scrape(metrics), 'sallyport_refusals_total', { code }), 0, code)
  metrics.refusal('LIMIT_RATE')
  assert.equal(valueOf(await scrape(metrics), 'sallyport_refusals_total', { code: 'LIMIT_RATE' }), 1)
})

test('a name in quotes and lines stays one label', async () => {
  const metrics = createMetrics({
    ...gauges,
    agents: () => [{ name: 'a"}\\ 1\n# TYPE', isUp: true, circuitOpen: false }],
  })
  const [up] = (await scrape(metrics)).filter((sample) => sample.name === 'sallyport_agent_up')
  assert.deepEqual(up, { name: 'sallyport_agent_up', labels: { agent: 'a\\"}\\\\ 1\\n# TYPE' }, value: 1 })
})

test('calls of agents on their own account are counted by agent', async () => {
  const metrics = createMetrics(gauges)
  metrics.autonomous('agent:nightly')
  metrics.autonomous('agent:nightly')
  metrics.autonomous('agent:planner')
  const samples = await scrape(metrics)
  assert.equal(valueOf(samples, 'sallyport_autonomous_calls_total', { agent: 'agent:nightly' }), 2)
  assert.equal(valueOf(samples, 'sallyport_autonomous_calls_total', { agent: 'agent:planner' }), 1)
})
