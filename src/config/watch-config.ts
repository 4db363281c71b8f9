// Takes up a changed file while the process runs: on SIGHUP, on request, and when its content changes on disk (also by
// a swapped symbolic link, as Kubernetes does). A bad file is reported and the old snapshot stays (invariant 7).

import { createHash } from 'node:crypto'
import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseConfig } from './load-config.ts'
import type { Loaded, LoadedConfig, LoadOptions } from './load-config.ts'
import { buildSnapshot, digestOf } from './snapshot.ts'
import type { Snapshot } from './config.ts'
import type { Problem } from './problem.ts'
import type { Config } from './schema.ts'

export interface WatchOptions extends LoadOptions {
  /** what runs now */
  readonly current: LoadedConfig
  /** for gateways that learned their address by listening */
  readonly publicUrl?: string
  /** `needRestart` names changed settings that this process cannot take up */
  onSnapshot(snapshot: Snapshot, loaded: LoadedConfig, needRestart: readonly string[]): void
  /** the new file was refused; what ran goes on */
  onProblems(problems: readonly Problem[]): void
  /** quiet time after the last event on disk; editors write in several steps */
  readonly debounceMs?: number
  /** where SIGHUP comes from */
  readonly signals?: Pick<NodeJS.EventEmitter, 'on' | 'off'>
}

export interface ConfigWatch {
  /** Reads the file now, also when it did not change: files that it refers to may have. */
  reload(): Promise<Loaded>
  close(): void
}

export function watchConfig(options: WatchOptions): ConfigWatch {
  const { signals = process, debounceMs = 100 } = options
  const { file } = options.current
  let current = options.current
  let seenHash = ''
  let timer: NodeJS.Timeout | undefined
  let chain: Promise<unknown> = Promise.resolve()

  const load = async (isForced: boolean): Promise<Loaded> => {
    const content = await readContent(file)
    const hash = content === undefined ? 'absent' : createHash('sha256').update(content).digest('base64')
    if (!isForced && hash === seenHash) return current
    seenHash = hash
    const loaded = content === undefined ? absent(file) : parseConfig(content, file, options)
    if (!loaded.ok) {
      options.onProblems(loaded.problems)
      return loaded
    }
    if (!isForced && digestOf(loaded.config) === digestOf(current.config)) return current
    const needRestart = staticChanges(current.config, loaded.config)
    current = loaded
    options.onSnapshot(
      buildSnapshot(loaded.config, options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
      loaded,
      needRestart,
    )
    return loaded
  }
  // One after the other: an older file must never overtake a newer one.
  const enqueue = (isForced: boolean): Promise<Loaded> => {
    const next = chain.then(() => load(isForced))
    chain = next.catch(() => undefined)
    return next
  }
  const onSignal = (): void => void enqueue(true)
  // The folder is watched, not the file: a rename over it would leave us watching the old one.
  const watcher = watch(dirname(file), { persistent: false }, () => {
    clearTimeout(timer)
    timer = setTimeout(() => void enqueue(false), debounceMs)
    timer.unref()
  })
  // A folder that vanishes ends the watching; SIGHUP and reload() still work.
  watcher.on('error', () => watcher.close())
  signals.on('SIGHUP', onSignal)

  return {
    reload: () => enqueue(true),
    close: () => {
      clearTimeout(timer)
      watcher.close()
      signals.off('SIGHUP', onSignal)
    },
  }
}

const staticSettings: readonly [string, (config: Config) => unknown][] = [
  ['gateway.listen', (config) => config.gateway.listen],
  ['gateway.tls', (config) => config.gateway.tls],
  ['admin', (config) => config.admin],
  ['dataDir', (config) => config.dataDir],
  ['store', (config) => config.store],
  ['identity.apiKeys', (config) => config.identity.apiKeys],
  ['audit', (config) => config.audit],
]

/** Settings that differ and that a running process holds on to: ports, keys and folders. */
export function staticChanges(before: Config, after: Config): string[] {
  return staticSettings
    .filter(([, read]) => JSON.stringify(read(before)) !== JSON.stringify(read(after)))
    .map(([name]) => name)
}

async function readContent(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch {
    // Absent or unreadable: reported as a problem, and what ran goes on.
    return undefined
  }
}

function absent(file: string): Loaded {
  const problem = { path: '', line: 0, column: 0, received: '', message: 'cannot be read', hint: `put ${file} back` }
  return { ok: false, file, problems: [problem] }
}
