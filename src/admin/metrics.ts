// Counters of the walk, cheap enough for every call: plain arrays that are turned into Prometheus families only
// when somebody scrapes. Labels are bounded: agents and operations come from the configuration and the protocol,
// codes from the catalogue; whatever else a caller could invent is counted as ''.

import { Registry, collectDefaultMetrics } from 'prom-client'
import type { WitnessingStatus } from '../audit/audit.ts'
import type { CatalogueRow } from '../refusal/refusal.ts'
import { catalogue } from '../refusal/refusal.ts'

/** seconds; fine where the gateway's own time lies */
const bucketBounds = [
  0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

class Histogram {
  readonly counts = new Float64Array(bucketBounds.length + 1)
  sum = 0
  observe(seconds: number): void {
    this.sum += seconds
    let at = 0
    while (at < bucketBounds.length && seconds > (bucketBounds[at] ?? 0)) at += 1
    this.counts[at] = (this.counts[at] ?? 0) + 1
  }
}

/** What is read, not counted, when somebody scrapes. */
export interface Gauges {
  openStreams(): number
  connections(): number
  ledger(): { records: number; bytes: number; syncs: number; syncSeconds: number; writable: boolean }
  unrecorded(): number
  agents(): { name: string; isUp: boolean; circuitOpen: boolean }[]
  /** blocks in force */
  blocks?(): number
  /** API keys that were turned away, by reason */
  keyFailures?(): ReadonlyMap<string, number>
  /** of each export of records */
  exports?(): readonly ExportedRecords[]
  /** absent where no spans are kept */
  spans?(): { readonly sent: number; readonly failed: number; readonly dropped: number; readonly waiting: number }
  /** absent without gateway.tls */
  tls?(): TlsReport
  /** of each log; empty where no witness is configured */
  witnessing?(): readonly WitnessedLog[]
  /** of each configured cluster */
  clusters?(): readonly AskedCluster[]
}

export interface AskedCluster {
  readonly name: string
  readonly isLocal: boolean
  readonly tokenReviews: number
  readonly accessReviews: number
  readonly failures: number
  /** 0 for never */
  readonly lastSuccessMs: number
}

/** Witnesses and logs are as many as the configuration and the data directory have. */
export interface WitnessedLog {
  readonly log: string
  /** of the newest witnessed checkpoint; 0 without one */
  readonly ageMs: number
  readonly status: WitnessingStatus
}

export interface TlsReport {
  readonly rotated: number
  readonly refused: number
  readonly notAfterMs: number
}

export interface ExportedRecords {
  readonly name: string
  readonly lagRecords: number
  readonly lagSeconds: number
  readonly sent: number
  readonly rejected: number
  readonly undeliverable: number
  readonly failures: number
}

export interface Metrics {
  stage(name: string, milliseconds: number): void
  call(agent: string, operation: string, outcome: string, milliseconds: number): void
  refusal(code: string): void
  /** an agent, by its id, called on its own account */
  autonomous(agent: string): void
  /** Prometheus text format 0.0.4 */
  expose(): Promise<string>
}

type Sample = { labels: Record<string, string>; value: number; metricName?: string }

export function createMetrics(gauges: Gauges): Metrics {
  const calls = new Map<string, { labels: Record<string, string>; count: number }>()
  const durations = new Map<string, { labels: Record<string, string>; histogram: Histogram }>()
  const stages = new Map<string, Histogram>()
  const autonomous = new Map<string, number>()
  const refusals = new Map<string, number>(
    Object.keys(catalogue satisfies Record<string, CatalogueRow>).map((code) => [code, 0]),
  )
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })

  const family = (
    name: string,
    help: string,
    type: 'counter' | 'gauge' | 'histogram',
    collect: () => Sample[],
  ): void => {
    // prom-client reads a metric through these members only
    const metric = {
      name,
      help,
      type,
      aggregator: 'sum',
      get: () => Promise.resolve({ name, help, type, aggregator: 'sum', values: collect() }),
    }
    registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0])
  }
  const single = (value: number): Sample[] => [{ labels: {}, value }]

  family('sallyport_calls_total', 'Calls by agent, operation and outcome', 'counter', () =>
    [...calls.values()].map(({ labels, count }) => ({ labels, value: count })),
  )
  family('sallyport_call_duration_seconds', 'Time from request head to the end of the answer', 'histogram', () =>
    [...durations.values()].flatMap(({ labels, histogram }) =>
      histogramSamples('sallyport_call_duration_seconds', labels, histogram),
    ),
  )
  family(
    'sallyport_stage_duration_seconds',
    'Time in one stage of the walk, of refused calls too; audit is the wait for the ledger',
    'histogram',
    () =>
      [...stages].flatMap(([stage, histogram]) =>
        histogramSamples('sallyport_stage_duration_seconds', { stage }, histogram),
      ),
  )
  family('sallyport_refusals_total', 'Refusals by code', 'counter', () =>
    [...refusals].map(([code, value]) => ({ labels: { code }, value })),
  )
  family('sallyport_autonomous_calls_total', 'Calls of agents on their own account, refused ones too', 'counter', () =>
    [...autonomous].map(([agent, value]) => ({ labels: { agent }, value })),
  )
  family('sallyport_open_streams', 'Event streams now open', 'gauge', () => single(gauges.openStreams()))
  family('sallyport_open_connections', 'Client connections now open', 'gauge', () => single(gauges.connections()))
  family('sallyport_ledger_records', "Records in this process's ledger", 'gauge', () => single(gauges.ledger().records))
  family('sallyport_ledger_bytes', 'Bytes of segment files', 'gauge', () => single(gauges.ledger().bytes))
  family('sallyport_ledger_syncs_total', 'Commit groups made durable', 'counter', () => single(gauges.ledger().syncs))
  family(
    'sallyport_ledger_sync_seconds_total',
    'Time spent making commit groups durable: writes and fdatasync',
    'counter',
    () => single(gauges.ledger().syncSeconds),
  )
  family('sallyport_ledger_writable', '1 while calls can be recorded', 'gauge', () =>
    single(gauges.ledger().writable ? 1 : 0),
  )
  family(
    'sallyport_unrecorded_events',
    'Events counted in memory because the ledger could not be written',
    'gauge',
    () => single(gauges.unrecorded()),
  )
  family('sallyport_agent_up', '1 when the last health check or call found the agent there', 'gauge', () =>
    gauges.agents().map(({ name, isUp }) => ({ labels: { agent: name }, value: isUp ? 1 : 0 })),
  )
  family('sallyport_agent_circuit_open', '1 while calls to the agent are refused at once', 'gauge', () =>
    gauges.agents().map(({ name, circuitOpen }) => ({ labels: { agent: name }, value: circuitOpen ? 1 : 0 })),
  )
  const tls = (samplesOf: (tls: TlsReport) => Sample[]): Sample[] => {
    const report = gauges.tls?.()
    return report === undefined ? [] : samplesOf(report)
  }
  family('sallyport_tls_reloads_total', 'Changed TLS files, taken up or refused', 'counter', () =>
    tls(({ rotated, refused }) => [
      { labels: { outcome: 'taken-up' }, value: rotated },
      { labels: { outcome: 'refused' }, value: refused },
    ]),
  )
  family('sallyport_tls_certificate_expiry_seconds', "End of the gateway's certificate, Unix time", 'gauge', () =>
    tls(({ notAfterMs }) => single(notAfterMs / 1_000)),
  )
  family('sallyport_blocks', 'Callers and agents that an operator has blocked', 'gauge', () =>
    single(gauges.blocks?.() ?? 0),
  )
  family('sallyport_api_key_failures_total', 'API keys that were turned away, by reason', 'counter', () =>
    [...(gauges.keyFailures?.() ?? [])].map(([reason, value]) => ({ labels: { reason }, value })),
  )
  const exported = (valueOf: (each: ExportedRecords) => number): Sample[] =>
    (gauges.exports?.() ?? []).map((each) => ({ labels: { export: each.name }, value: valueOf(each) }))
  family('sallyport_export_lag_records', "Records of this process's ledger that have not arrived", 'gauge', () =>
    exported(({ lagRecords }) => lagRecords),
  )
  family('sallyport_export_lag_seconds', 'Age of the oldest record that waits to be sent', 'gauge', () =>
    exported(({ lagSeconds }) => lagSeconds),
  )
  family('sallyport_export_records_total', 'Records that arrived; after a crash some count twice', 'counter', () =>
    exported(({ sent }) => sent),
  )
  family('sallyport_export_rejected_total', 'Records that the receiver did not keep', 'counter', () =>
    exported(({ rejected }) => rejected),
  )
  family('sallyport_export_undeliverable_total', 'Records set aside, refused one by one', 'counter', () =>
    exported(({ undeliverable }) => undeliverable),
  )
  family('sallyport_export_failures_total', 'Attempts of an export that failed and are made again', 'counter', () =>
    exported(({ failures }) => failures),
  )

  family('sallyport_spans_total', 'Spans by what became of them: sent, failed, dropped', 'counter', () => {
    const spans = gauges.spans?.()
    if (spans === undefined) return []
    return (['sent', 'failed', 'dropped'] as const).map((outcome) => ({ labels: { outcome }, value: spans[outcome] }))
  })
  family('sallyport_spans_waiting', 'Spans that have not been sent', 'gauge', () => {
    const spans = gauges.spans?.()
    return spans === undefined ? [] : single(spans.waiting)
  })

  const clusters = (valueOf: (cluster: AskedCluster) => number): Sample[] =>
    (gauges.clusters?.() ?? []).map((each) => ({ labels: { cluster: each.name }, value: valueOf(each) }))
  family(
    'sallyport_kubernetes_local_jwks',
    '1 where service account tokens are verified without asking the cluster: deleted pods are not seen',
    'gauge',
    () => clusters(({ isLocal }) => (isLocal ? 1 : 0)),
  )
  family('sallyport_kubernetes_token_reviews_total', 'TokenReviews asked of a cluster', 'counter', () =>
    clusters(({ tokenReviews }) => tokenReviews),
  )
  family('sallyport_kubernetes_access_reviews_total', 'SubjectAccessReviews asked of a cluster', 'counter', () =>
    clusters(({ accessReviews }) => accessReviews),
  )
  family('sallyport_kubernetes_failures_total', 'Questions to a cluster that brought no answer', 'counter', () =>
    clusters(({ failures }) => failures),
  )
  family('sallyport_kubernetes_last_success_seconds', 'When a cluster last answered; 0 for never', 'gauge', () =>
    clusters(({ lastSuccessMs }) => lastSuccessMs / 1_000),
  )

  const witnessing = (): readonly WitnessedLog[] => gauges.witnessing?.() ?? []
  const newest = (valueOf: (newest: { size: number; ageMs: number }) => number): Sample[] =>
    witnessing().flatMap(({ log, ageMs, status }) =>
      status.newest === undefined ? [] : [{ labels: { log }, value: valueOf({ ...status.newest, ageMs }) }],
    )
  const witnesses = (valueOf: (witness: WitnessingStatus['witnesses'][number]) => number): Sample[] =>
    witnessing().flatMap(({ log, status }) =>
      status.witnesses.map((witness) => ({ labels: { log, witness: witness.name }, value: valueOf(witness) })),
    )
  family('sallyport_witnessed_age_seconds', 'Age of the newest witnessed checkpoint', 'gauge', () =>
    newest(({ ageMs }) => ageMs / 1_000),
  )
  family('sallyport_witnessed_records', 'Records that the newest witnessed checkpoint covers', 'gauge', () =>
    newest(({ size }) => size),
  )
  family('sallyport_witness_last_success_seconds', 'When a witness last cosigned; 0 for never', 'gauge', () =>
    witnesses(({ lastSuccessMs }) => lastSuccessMs / 1_000),
  )
  family('sallyport_witness_failures_total', 'Questions to a witness that brought no cosignature', 'counter', () =>
    witnesses(({ failures }) => failures),
  )

  return {
    stage(name, milliseconds) {
      let histogram = stages.get(name)
      if (histogram === undefined) stages.set(name, (histogram = new Histogram()))
      histogram.observe(milliseconds / 1000)
    },
    call(agent, operation, outcome, milliseconds) {
      const key = `${agent} ${operation} ${outcome}`
      const found = calls.get(key)
      if (found === undefined) calls.set(key, { labels: { agent, operation, outcome }, count: 1 })
      else found.count += 1
      const duration = durations.get(operation)
      if (duration !== undefined) duration.histogram.observe(milliseconds / 1000)
      else {
        const histogram = new Histogram()
        histogram.observe(milliseconds / 1000)
        durations.set(operation, { labels: { operation }, histogram })
      }
    },
    autonomous(agent) {
      autonomous.set(agent, (autonomous.get(agent) ?? 0) + 1)
    },
    refusal(code) {
      refusals.set(code, (refusals.get(code) ?? 0) + 1)
    },
    expose: () => registry.metrics(),
  }
}

function histogramSamples(name: string, labels: Record<string, string>, histogram: Histogram): Sample[] {
  const samples: Sample[] = []
  let total = 0
  for (const [at, count] of histogram.counts.entries()) {
    total += count
    const le = at < bucketBounds.length ? String(bucketBounds[at]) : '+Inf'
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: total })
  }
  samples.push({ metricName: `${name}_sum`, labels, value: histogram.sum })
  samples.push({ metricName: `${name}_count`, labels, value: total })
  return samples
}
