// Certificates, keys, bundles and revocation lists come and go while the gateway runs: an issuer on the machine writes
// new ones every hour. Their files are looked at several times a second and taken up together; what does not fit
// together yet (half of a pair is written, a list is cut off) leaves in force what was, is said once and tried again.
// The agents' client certificates go the way of a configuration reload, which judges and swaps everything at once.

import { X509Certificate } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import { referencedPath, type Config, type LoadedConfig } from '../config/config.ts'
import type { ListenerTls } from '../listen/listen.ts'

export interface TlsWatchOptions {
  readonly clock: Clock
  /** as the gateway was started: which files gateway.tls names is static, what they hold is not */
  readonly started: LoadedConfig
  readonly loaded: () => LoadedConfig
  /** throws where the files do not fit together; absent without gateway.tls */
  readonly rotate?: ((tls: ListenerTls) => void) | undefined
  readonly onRotated: (certificate: X509Certificate) => void
  readonly onRefused: (reason: string) => void
  /** a file of agents[].tls changed */
  readonly onAgentFiles: () => void
  readonly intervalMs?: number
}

export interface TlsWatch {
  /** one look at all files; the timer takes it, tests may too */
  look(): Promise<void>
  report(): { readonly rotated: number; readonly refused: number; readonly notAfterMs: number }
  stop(): void
}

const lookMs = 250
const retryMs = 5_000 // files that did not fit together are tried again

export function watchTls(options: TlsWatchOptions): TlsWatch {
  const { clock, started, loaded } = options
  const { tls } = started.config.gateway
  let rotated = 0
  let refused = 0
  let notAfterMs = 0
  let served: string | undefined
  let tried = { seen: '', atMs: -Infinity, reason: '' }
  let agentFiles: string | undefined

  const takeUp = (seen: string): void => {
    const nowMs = clock.monotonicMs()
    if (tls === undefined || options.rotate === undefined || seen === served) return
    if (seen === tried.seen && nowMs < tried.atMs + retryMs) return
    const reason = attempt()
    if (reason === undefined) served = seen
    else if (seen !== tried.seen || reason !== tried.reason) {
      refused += 1
      options.onRefused(reason)
    }
    tried = { seen, atMs: nowMs, reason: reason ?? '' }
  }

  const attempt = (): string | undefined => {
    try {
      const next = readListenerTls(started, loaded())
      if (next === undefined) return undefined
      const certificate = new X509Certificate(next.certificate)
      options.rotate?.(next)
      notAfterMs = certificate.validToDate.getTime()
      // the first look only makes sure that nothing changed between the start and now
      if (served === undefined) return undefined
      rotated += 1
      options.onRotated(certificate)
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  const lookOnce = async (): Promise<void> => {
    const current = loaded()
    if (tls !== undefined) {
      takeUp(await describeFiles(listenerReferences(started.config, current.config), started.baseDir))
    }
    const seen = await describeFiles(agentReferences(current.config), current.baseDir)
    const changed = agentFiles !== undefined && seen !== agentFiles
    agentFiles = seen
    if (changed) options.onAgentFiles()
  }

  let looking: Promise<void> = Promise.resolve()
  let isWaiting = false
  const look = (): Promise<void> => {
    looking = looking.then(lookOnce)
    return looking
  }
  const timer = setInterval(() => {
    // a slow disk must not pile up looks
    if (isWaiting) return
    isWaiting = true
    void look().finally(() => (isWaiting = false))
  }, options.intervalMs ?? lookMs)
  timer.unref()
  void look()

  return { look, report: () => ({ rotated, refused, notAfterMs }), stop: () => clearInterval(timer) }
}

/** Everything that the listener's TLS needs, read now; `current` says which bundles callers' names need. */
export function readListenerTls(started: LoadedConfig, current: LoadedConfig): ListenerTls | undefined {
  const { tls } = started.config.gateway
  if (tls === undefined) return undefined
  const read = (reference: string): Buffer => current.secrets.resolve(reference).bytes()
  const bundle = tls.credentialBundle === undefined ? undefined : read(tls.credentialBundle)
  const { mtls } = current.config.identity
  const bundles = new Map<string, Buffer>()
  for (const { trustDomain, ca } of mtls.spiffe) if (ca !== undefined) bundles.set(`spiffe://${trustDomain}`, read(ca))
  for (const { name, ca } of mtls.subjects) if (ca !== undefined) bundles.set(`user:${name}`, read(ca))
  return {
    // the schema's check has seen to it that one of the two forms is given
    certificate: bundle ?? read(tls.certificate ?? ''),
    key: bundle ?? read(tls.key ?? ''),
    clientCertificates: tls.clientCertificates,
    ...(tls.clientCa !== undefined && {
      clients: {
        clientCa: read(tls.clientCa),
        bundles,
        ...(tls.crl !== undefined && { revocationLists: read(tls.crl) }),
      },
    }),
  }
}

function listenerReferences({ gateway }: Config, { identity }: Config): readonly string[] {
  const { certificate, key, credentialBundle, clientCa, crl } = gateway.tls ?? {}
  const bundles = [...identity.mtls.spiffe, ...identity.mtls.subjects].map(({ ca }) => ca)
  return [certificate, key, credentialBundle, clientCa, crl, ...bundles].filter((each) => each !== undefined)
}

const agentReferences = ({ agents }: Config): readonly string[] =>
  agents
    .flatMap(({ tls }) => [tls?.ca, tls?.certificate, tls?.key, tls?.credentialBundle])
    .filter((each) => each !== undefined)

/** Which files these are and whether they changed: cheap, and true of a swapped symbolic link as well. */
async function describeFiles(references: readonly string[], baseDir: string): Promise<string> {
  const described: string[] = []
  for (const reference of new Set(references)) {
    if (!reference.startsWith('file:')) continue
    const path = referencedPath(reference, baseDir)
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
      described.push([reference, dev, ino, size, mtimeNs, ctimeNs].join(' '))
    } catch {
      // not there at this moment: reading it will say why
      described.push(`${reference} absent`)
    }
  }
  return described.join('\n')
}
