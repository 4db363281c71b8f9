// Starts the copies that `audit.export` asks for, each on its own: secrets are read from their references, paths are
// taken relative to the configuration file. What one of them cannot do is its own trouble.

import { resolve } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { isLoopback, type Config, type LoadedConfig } from '../config/config.ts'
import type { Dialler } from '../forward/forward.ts'
import { startExport, type ExportLog, type ExportReport } from './export-records.ts'
import type { ExportTarget } from './export-target.ts'
import { createFileLines, createHttpLines } from './jsonl-lines.ts'
import { createOtlpLogs } from './otlp-logs.ts'
import type { State } from './state.ts'

type ExportConfig = Config['audit']['export'][number]

export interface Exports {
  report(): ExportReport[]
  stop(): Promise<void>
}

export interface ExportsOptions {
  readonly loaded: LoadedConfig
  readonly state: Pick<State, 'dataDir' | 'audit' | 'ledger' | 'ledgerKey'>
  readonly dialler: Pick<Dialler, 'post'>
  readonly clock: Clock
  readonly version: string
  readonly log: ExportLog
}

export const exportNames = (config: Config): string[] => config.audit.export.map(({ name }) => name)

export async function startExports(options: ExportsOptions): Promise<Exports> {
  const { loaded, state, clock, version, log } = options
  const wanted = loaded.config.audit.export
  const sizes = (): Map<string, number> => new Map([[state.ledger.origin, state.ledger.size]])
  const running = wanted.map((each) => {
    if (leaksAuthorization(each))
      log.warn({ export: each.name }, 'dangerouslyAllowPlaintext: an export sends records and a credential without TLS')
    return startExport({
      name: each.name,
      kind: each.kind,
      target: targetOf(each, options),
      dataDir: state.dataDir,
      keyEncryptionKey: state.ledgerKey.bytes(),
      version,
      clock,
      audit: state.audit,
      log,
      sizes,
    })
  })
  return {
    report: () => running.map((each) => each.report()),
    async stop() {
      await Promise.all(running.map((each) => each.stop()))
    },
  }
}

function leaksAuthorization(config: ExportConfig): boolean {
  if (config.kind === 'jsonl-file' || config.authorization === undefined) return false
  const { protocol, hostname } = new URL(config.url)
  return protocol === 'http:' && !isLoopback(hostname)
}

function targetOf(config: ExportConfig, { loaded, dialler, clock, version }: ExportsOptions): ExportTarget {
  if (config.kind === 'jsonl-file') return createFileLines(resolve(loaded.baseDir, config.path))
  const { url, authorization, ca } = config
  const options = {
    url,
    dialler,
    authorization: () =>
      authorization === undefined ? undefined : loaded.secrets.resolve(authorization).text().trim(),
    tls: ca === undefined ? undefined : { ca: loaded.secrets.resolve(ca).bytes() },
    nowMs: () => clock.nowMs(),
  }
  return config.kind === 'otlp' ? createOtlpLogs({ ...options, version }) : createHttpLines(options)
}
