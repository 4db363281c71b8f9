// Takes up a changed file while the process runs: on SIGHUP, on request, and when its content changes on disk (also by
// a swapped symbolic link, as Kubernetes does). A bad file is reported and the old snapshot stays (invariant 7).

import { createHash } from 'node:crypto'
import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault } from '../base/fault.ts'
import { openConfig } from './load-config.ts'
import type { Loaded, LoadedConfig, LoadOptions, RefusedConfig } from './load-config.ts'
import { buildSnapshot, digestOf } from './snapshot.ts'
import type { Snapshot } from './config.ts'
import type { Problem } from './problem.ts'
import type { Config } from './schema.ts'

export interface WatchOptions extends LoadOptions {
  /** what runs now */
  readonly current: LoadedConfig
  /** for gateways that learned their address by listening */
  readonly publicUrl?: string
  /** `needRestart` names changed settings that this process cannot take up; what it throws refuses the new file */
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
    const loaded = content === undefined ? absent(file) : await openConfig(content, file, options)
    if (!loaded.ok) {
      options.onProblems(loaded.problems)
      return loaded
    }
    if (!isForced && digestOf(loaded.config) === digestOf(current.config)) return current
    const next = buildSnapshot(loaded.config, options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl })
    try {
      options.onSnapshot(next, loaded, staticChanges(current.config, loaded.config))
    } catch (error) {
      // a secret that vanished since it was checked: refused like any other problem
      const refused = cannotBeTakenUp(file, error)
      options.onProblems(refused.problems)
      return refused
    }
    current = loaded
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

/** What a running process holds on to: ports, keys and folders. docs/config.md is generated from it. */
export const staticSettings: readonly string[] = [
  'gateway.listen',
  'gateway.tls',
  'gateway.http2',
  'gateway.bounds.head',
  'admin.listen',
  'admin.publicUrl',
  'admin.oidc',
  'admin.sessions',
  'dataDir',
  'store',
  'identity.apiKeys',
  'audit.keyEncryptionKey',
  'audit.segmentSize',
  'audit.erasure',
  'audit.witness',
  'audit.export',
]

/** Whether what stands at this path of the file is taken up at a start only. */
export function isStatic(path: string): boolean {
  return staticSettings.some((setting) => path === setting || path.startsWith(`${setting}.`))
}

/** Settings that differ and need a restart. */
export function staticChanges(before: Config, after: Config): string[] {
  return staticSettings.filter((name) => JSON.stringify(read(before, name)) !== JSON.stringify(read(after, name)))
}

function read(config: Config, name: string): unknown {
  let value: unknown = config
  for (const step of name.split('.')) value = Reflect.get(Object(value), step)
  return value
}

async function readContent(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch {
    // Absent or unreadable: reported as a problem, and what ran goes on.
    return undefined
  }
}

const absent = (file: string): RefusedConfig => refusedWhole(file, 'cannot be read', `put ${file} back`)

function cannotBeTakenUp(file: string, error: unknown): RefusedConfig {
  const reason = error instanceof Error ? error.message : String(error)
  const hint = error instanceof Fault ? error.hint : undefined
  return refusedWhole(file, `cannot be taken up: ${reason}`, hint ?? 'see: sallyport config check')
}

function refusedWhole(file: string, message: string, hint: string): RefusedConfig {
  return { ok: false, file, problems: [{ path: '', line: 0, column: 0, received: '', message, hint }] }
}
