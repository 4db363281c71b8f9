// The composition root: opens the state, compiles the configuration, starts the listeners, and ties the stages
// together. The only place that knows everything; nothing here decides about a call.

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAdmin, createMetrics, machineToken, type MachineToken } from '../admin/admin.ts'
import type { Ledger } from '../audit/audit.ts'
import { findBlockedPerson } from '../authorize/authorize.ts'
import { createAuthenticator, createGrantBook } from '../authenticate/authenticate.ts'
import { systemClock } from '../base/clock.ts'
import type { Fault } from '../base/fault.ts'
import { readVersion } from '../base/version.ts'
import {
  buildSnapshot,
  formatAddress,
  isLoopback,
  readTraceEnvironment,
  recordedAgents,
  referencedPath,
  splitAddress,
  watchConfig,
  withStoredSecrets,
  type AgentConfig,
  type Config,
  type LoadedConfig,
  type Snapshot,
  type TraceEnvironment,
} from '../config/config.ts'
import {
  createDialler,
  loadGatewaySecret,
  openAssertionRing,
  type AssertionRing,
  type Dialler,
} from '../forward/forward.ts'
import type { StoredSecrets } from '../secrets/secrets.ts'
import { createBackoff, createLimiter, createSourceLimiter } from '../limit/limit.ts'
import { createListener } from '../listen/listen.ts'
import {
  createDuplicateBook,
  createHeartbeat,
  createTaskLister,
  walk,
  walkUnreadable,
  type Rules,
  type WalkParts,
} from '../pipeline/pipeline.ts'
import type { ControlMethods, ReloadAnswer } from '../cli/ports.ts'
import { approvalKey, createApprovalMethods, decideApproval } from './approval-methods.ts'
import { findLapse } from './approvers.ts'
import { createActing, nameActor } from './acting.ts'
import { adminLogin } from './admin-login.ts'
import { createAdminMethods } from './admin-methods.ts'
import { endBlockedSessions } from './end-blocked-sessions.ts'
import { createAgentTrouble } from './agent-trouble.ts'
import { createAssertionMethods } from './assertion-methods.ts'
import { createAuditUpkeep } from './audit-upkeep.ts'
import { createClusters } from './clusters.ts'
import { createBlockMethods } from './block-methods.ts'
import { describeAlias, describeChangedAliases } from './changed-aliases.ts'
import { createDeclaredExtensions } from './declared-extensions.ts'
import { startControlServer } from './control-server.ts'
import { askIssuer } from './ask-issuer.ts'
import { createControlMethods } from './control-methods.ts'
import { exportedBelow } from './export-cursor.ts'
import { cardBounds, keySetBounds } from './fetch-bounds.ts'
import { keepGrants } from './grant-file.ts'
import { startHealthChecks } from './health.ts'
import { createLedgerReading } from './ledger-reading.ts'
import { createOpenWalks } from './open-walks.ts'
import { createOwnershipBook } from './ownership-book.ts'
import { formatKeySet } from './published-keys.ts'
import { createReadiness } from './readiness.ts'
import { startSpans } from './start-spans.ts'
import { createTokenMethods } from './token-methods.ts'
import { createRetentionMethods } from './retention-methods.ts'
import { checkPolicy, compileRules, releaseRules, type ServedRules } from './rules.ts'
import { exportNames, startExports, type Exports } from './start-exports.ts'
import { openWitnesses, type GatewayWitnesses } from './start-witnessing.ts'
import { createSecretMethods } from './secret-methods.ts'
import { openState, type State } from './state.ts'
import { readListenerTls, watchTls } from './watch-tls.ts'

/** between two rounds in which what has expired leaves the index of owners */
const expiryMs = 10_000

/** between the last word to open streams and the end of their connections */
const cutMs = 500

/** how often one source may fail to say who it is at the admin API before it is told to slow down */
const adminFailures = { count: 60, periodMs: 60_000 }

/** The little of a logger that the process needs; pino fits. */
export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface GatewayOptions {
  readonly loaded: LoadedConfig
  readonly dataDir: string
  readonly log: Log
  /** one more bearer token of the admin API, which may do everything there */
  readonly adminToken?: string
  /** where spans go. Default: what the process's environment says */
  readonly traces?: TraceEnvironment
  readonly onFatal: (fault: Fault) => void
}

export interface Gateway {
  /** `http://host:port` as bound */
  readonly url: string
  readonly adminUrl: string
  readonly snapshot: () => Snapshot
  readonly state: State
  readonly methods: ControlMethods
  /** stops accepting, lets open calls end within the configured time, closes the ledger */
  stop(): Promise<void>
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { log } = options
  const clock = systemClock
  const version = readVersion()
  let loaded = options.loaded
  let snapshot = buildSnapshot(loaded.config)
  const dialler = createDialler()
  let witnesses: GatewayWitnesses | undefined
  let exports: Exports | undefined
  const confirm = async (dataDir: string, ledger: Ledger, stored: StoredSecrets): Promise<void> => {
    loaded = withStoredSecrets(loaded, stored)
    const told = { onConflict: alarm('witness.conflict'), onUnproven: alarm('witness.unproven') }
    witnesses = await openWitnesses({ dataDir, loaded, ledger, dialler, clock, random: Math.random, ...told })
  }
  const alarm =
    (action: string) =>
    (ofLog: string, witness: string, message: string): void => {
      log.error({ log: ofLog, witness }, message)
      state.audit.administered(action, witness, { log: ofLog, message }).catch(() => undefined)
    }
  const state = await openState({
    dataDir: options.dataDir,
    loaded,
    role: 'gateway',
    clock,
    snapshotDigest: () => snapshot.digest,
    onFatal: options.onFatal,
    confirm,
    warn: (message) => log.warn({}, message),
  }).catch(async (error: unknown) => {
    await dialler.close()
    throw error
  })
  /** ends what is up by now, the latest first: nothing may go on when the rest cannot start */
  const undo: (() => void | Promise<void>)[] = []
  try {
    return await start()
  } catch (error) {
    for (const end of undo.toReversed()) await end()
    await dialler.close()
    await state.close()
    throw error
  }

  async function start(): Promise<Gateway> {
    const keysFolder = join(state.dataDir, 'keys')
    const longestGrantMs = (): number => snapshot.config.delegation.maxLife
    const signer = await openAssertionRing(keysFolder, state.dataKeys, clock, longestGrantMs)
    const signerTick = setInterval(() => turnAssertionKey(signer, state, log), 1_000)
    signerTick.unref()
    undo.push(() => clearInterval(signerTick))
    const grants = createGrantBook({ clock })
    const grantFile = await keepGrants({
      path: join(state.dataDir, 'grants.json'),
      grants,
      stateOf: (agent, tenant, taskId) => state.ownership.task(agent, tenant, taskId)?.state ?? '',
      warn: (message) => log.warn({}, message),
    })
    undo.push(() => grantFile.close())
    const authenticator = createAuthenticator({
      clock,
      keys: state.keyStore,
      keyUse: state.keyUse,
      pepper: state.pepper.bytes(),
      assertionKeys: signer,
      grants,
      inForce: () => snapshot,
      revocations: state.revocations,
      spent: state.spent,
      introspect: (endpoint, token) => askIssuer(endpoint, token, { dialler, secrets: loaded.secrets }),
      fetchJwks: (url) => dialler.get(url, keySetBounds),
      readJwks: (reference) => readFile(referencedPath(reference, loaded.baseDir)),
      reviewerOf: (of, cluster) => rulesOf(of).clusters.get(cluster)?.cluster,
    })
    const clusters = createClusters({ dialler, clock, random: Math.random })
    const pairwise = await loadGatewaySecret(join(keysFolder, 'pairwise.pem'), state.dataKeys)
    const ruleParts = { clock, authenticator, signer, dialler, clusters, pairwise }
    const rules = new WeakMap<Snapshot, ServedRules>()
    rules.set(snapshot, compileRules(snapshot, loaded.secrets, ruleParts))
    const rulesOf = (of: Snapshot): ServedRules => {
      const found = rules.get(of)
      if (found === undefined) throw new Error('a snapshot without rules')
      return found
    }
    // key sets of issuers are there before a call needs them, and fetched again before they age
    authenticator.tokens.refresh(snapshot)
    const keySets = setInterval(() => authenticator.tokens.refresh(snapshot), 15_000)
    undo.push(() => clearInterval(keySets))
    const heartbeat = createHeartbeat(clock)
    const limiter = createLimiter({ clock, limits: loaded.config.limits, tasks: state.ownership })
    const health = startHealthChecks({ dialler, clock, rules: () => rulesOf(snapshot), snapshot: () => snapshot })
    undo.push(() => {
      health.stop()
      heartbeat.stop()
    })
    const tracing = await startSpans(options.traces ?? readTraceEnvironment(), { dialler, clock, version, log })
    undo.push(() => tracing?.stop())
    const metrics = createMetrics({
      openStreams: () => heartbeat.size,
      connections: () => listener.connections,
      ledger: () => ({
        records: state.ledger.size,
        bytes: state.ledger.bytes,
        syncs: state.ledger.stats.groups,
        syncSeconds: state.ledger.stats.syncSeconds,
        writable: state.ledger.status === 'writable',
      }),
      unrecorded: () => state.audit.unrecorded,
      witnessing: () => witnesses?.status() ?? [],
      exports: () => exports?.report() ?? [],
      ...(tracing && { spans: () => tracing.report() }),
      agents: () => health.report(),
      ...(loaded.config.gateway.tls && { tls: () => tlsWatch.report() }),
      clusters: () => clusters.report(),
      blocks: () => state.blocks.list().length,
      keyFailures: () => state.keyUse.failures,
    })
    const contextSecret = await loadGatewaySecret(join(keysFolder, 'contexts.pem'), state.dataKeys)
    const ownership = createOwnershipBook(state.ownership, clock, grants, contextSecret)
    const trouble = createAgentTrouble(clock, (fields) => log.warn(fields, 'an agent fails its callers'))
    // a disk that fails is found by whoever writes to it for a call
    const expiry = setInterval(() => void state.ownership.expire().catch(() => undefined), expiryMs)
    undo.push(() => clearInterval(expiry))
    const duplicates = createDuplicateBook({ clock, store: state.ownership })
    duplicates.restore(state.ownership.sent())
    state.ownership.onForget((subject) => duplicates.forget(subject))
    const cardOf = (agent: AgentConfig, of: Snapshot): Promise<Buffer> => fetchCard(agent, rulesOf(of), dialler)
    const declared = createDeclaredExtensions({ clock, fetchCard: cardOf })
    const parts: WalkParts = {
      clock,
      audit: state.audit,
      rulesOf,
      snapshot: () => snapshot,
      ownership,
      approvals: {
        book: state.approvals,
        key: approvalKey(state.pepper.bytes()),
        findLapse: (approval, of) =>
          findLapse(state, approval, {
            snapshot: of,
            nowMs: clock.nowMs(),
            patterns: of.config.approvals.approvers,
          }),
      },
      grants,
      lister: createTaskLister({ index: state.ownership, ownership, tokenSecret: randomBytes(32) }),
      duplicates,
      blocks: state.blocks,
      limiter,
      sourceLimiter: createSourceLimiter({ clock, rate: loaded.config.unauthenticated.requests }),
      backoff: {
        byKey: createBackoff({ clock, free: 10 }),
        bySource: createBackoff({ clock, free: 60 }),
      },
      discovery: {
        clock,
        cards: new Map(),
        jwks: () => {
          const receipts = snapshot.config.audit.receipts === 'signed' ? state.ledger.vkey : undefined
          return formatKeySet({ assertions: signer.jwks().keys, receipts })
        },
        fetchCard: cardOf,
      },
      heartbeat,
      metrics,
      ...(tracing && { tracing }),
      declaredExtensions: (agent, of) => declared.of(agent, of),
      unwitnessed: () => witnesses?.overdue(),
      onBug: (error) => log.error({ err: error }, 'a bug denied a call'),
      onAgentTrouble: (admitted, refusal) => trouble.note(admitted, refusal),
    }

    const open = createOpenWalks()
    let stopping = false
    const { tls } = loaded.config.gateway
    const listenerTls = readListenerTls(loaded, loaded)
    const listener = createListener({
      clock,
      snapshot: () => snapshot,
      onCall: (received) => open.follow(walk(received, parts), received.snapshot),
      onUnreadable: (unreadable) => open.follow(walkUnreadable(unreadable, parts)),
      ...(listenerTls && { tls: listenerTls }),
    })
    const { host, port } = splitAddress(loaded.config.gateway.listen)
    if (tls === undefined && !isLoopback(host))
      log.warn(
        { listen: loaded.config.gateway.listen },
        'dangerouslyAllowPlaintext: callers and their credentials are not protected by TLS',
      )
    const bound = await listener.listen(host, port)
    undo.push(() => listener.drain(0))
    const url = `${tls === undefined ? 'http' : 'https'}://${formatAddress(host, bound)}`
    let adminTokens: readonly MachineToken[] = []
    const adopt = (next: Snapshot, of: LoadedConfig): void => {
      const before = rulesOf(snapshot)
      const nextTokens = adminTokensOf(of, options.adminToken)
      rules.set(next, compileRules(next, of.secrets, { ...ruleParts, before }))
      limiter.reconfigure(next.config.limits)
      state.ownership.retain(next.config.ownership)
      parts.sourceLimiter.reconfigure(next.config.unauthenticated.requests)
      listener.reconfigure(next.config.gateway.bounds)
      // a changed issuer begins here to fetch its keys and to remember proofs, not at its first call
      authenticator.tokens.refresh(next)
      open.whenIdle(snapshot, () => releaseRules(before))
      adminTokens = nextTokens
      snapshot = next
      declared.warm(next)
    }
    adopt(buildSnapshot(loaded.config, { publicUrl: url }), loaded)
    warnOfLocalKeys(loaded.config, log)

    const readiness = createReadiness({
      nowMs: () => clock.nowMs(),
      ledgerStatus: () => state.ledger.status,
      storeProblem: () => state.ownership.problem,
      witnessProblem: witnesses?.problem,
      isStopping: () => stopping,
      connections: () => listener.connections,
      maxConnections: () => snapshot.config.gateway.bounds.connections,
      configDigest: () => snapshot.digest,
    })
    const watch = watchConfig({
      current: loaded,
      publicUrl: url,
      extraChecks: checkPolicy,
      stored: state.secrets,
      onSnapshot(next, nextLoaded, needRestart) {
        const aliases = describeChangedAliases(snapshot.config, next.config)
        adopt(next, nextLoaded)
        loaded = nextLoaded
        readiness.reloaded()
        warnOfLocalKeys(next.config, log)
        log.info({ digest: next.digest }, 'configuration reloaded')
        if (needRestart.length > 0) log.warn({ settings: needRestart }, 'changed settings that need a restart')
        if (aliases !== undefined) state.audit.administered('aliases.change', '', aliases).catch(() => undefined)
        state.audit
          .administered('configuration.reload', '', {
            digest: next.digest,
            needRestart: [...needRestart],
            ...contentMember(next.config),
          })
          .catch(() => undefined)
      },
      onProblems(problems) {
        readiness.reloadRefused()
        log.error({ problems }, 'the changed configuration was refused; the one before it stays in force')
        state.audit.administered('configuration.refused', '', { problems: problems.length }).catch(() => undefined)
      },
    })
    undo.push(() => watch.close())
    const tlsWatch = watchTls({
      clock,
      started: options.loaded,
      loaded: () => loaded,
      ...(tls && { rotate: (next) => listener.rotate(next) }),
      onRotated(certificate) {
        // who lost authority by it is not served for a moment longer
        heartbeat.beat()
        const told = { certificate: certificate.fingerprint256, notAfter: certificate.validToDate.toISOString() }
        log.info(told, 'certificates, keys and revocation lists taken up')
        state.audit.administered('tls.rotated', '', told).catch(() => undefined)
      },
      onRefused(reason) {
        log.error({ reason }, 'changed certificates, keys or lists were refused; those before them stay in force')
        state.audit.administered('tls.refused', '', { reason }).catch(() => undefined)
      },
      onAgentFiles: () => void watch.reload(),
    })
    undo.push(() => tlsWatch.stop())
    const reload = async (): Promise<ReloadAnswer> => {
      const before = snapshot.digest
      const result = await watch.reload()
      await tlsWatch.look()
      return {
        digest: snapshot.digest,
        changed: snapshot.digest !== before,
        problems: result.ok ? [] : result.problems,
      }
    }
    const acting = createActing()
    const acted = { ...state, audit: nameActor(state.audit, acting) }
    const retention = createRetentionMethods(acted, {
      clock,
      config: () => snapshot.config,
      keyEncryptionKey: () => Promise.resolve(state.ledgerKey.bytes()),
      minimumExported: (origin) => exportedBelow(state.dataDir, exportNames(loaded.config), origin),
      witnessedMs: () => {
        const ofLog = witnesses?.status().find((each) => each.log === state.ledger.origin)
        return ofLog?.status.newest?.timeMs
      },
    })
    const methods: ControlMethods = {
      ...createApprovalMethods(acted, { clock, config: () => snapshot.config }),
      ...createAssertionMethods(acted, () => signer),
      ...createBlockMethods(acted, () => clock.nowMs()),
      ...createControlMethods(
        acted,
        () => clock.nowMs(),
        reload,
        () => acting.who ?? '',
      ),
      ...createSecretMethods(acted, { loaded: () => loaded, nowMs: () => clock.nowMs(), reload }),
      ...createTokenMethods(acted, { clock, config: () => snapshot.config }),
      ...retention,
      ...createAdminMethods({ admin: () => admin, audit: acted.audit, config: () => snapshot.config }),
    }
    const startedAt = new Date(clock.nowMs()).toISOString()
    const { publicUrl: adminUrl, sessions } = loaded.config.admin
    const admin = createAdmin({
      clock,
      expose: () => metrics.expose(),
      readiness: () => Promise.resolve(readiness.report()),
      publicUrl: adminUrl,
      idleMs: sessions.idle,
      login: adminLogin(loaded, dialler),
      api: {
        audit: state.audit,
        snapshot: () => snapshot,
        tokens: () => adminTokens,
        findBlock: (who) => findBlockedPerson(who, snapshot, state.blocks),
        methods,
        people: {
          erase: (request, { id, session }) => retention.eraseAs(request, id, session?.groups),
          decide: (decision, { id, session }) =>
            decideApproval(acted, { clock, config: () => snapshot.config }, decision, {
              id,
              credential: session?.id ?? '',
              groups: session?.groups ?? [],
            }),
        },
        ledger: createLedgerReading({ dataDir: state.dataDir, file: loaded.file }),
        failures: createSourceLimiter({ clock, rate: adminFailures }),
        as: (who, work) => acting.as(who, work),
        onBug: parts.onBug,
        status: () => ({
          version,
          configDigest: snapshot.digest,
          startedAt,
          ledger: {
            origin: state.ledger.origin,
            size: state.ledger.size,
            root: state.ledger.root(),
            status: state.ledger.status,
          },
          openStreams: heartbeat.size,
          connections: listener.connections,
          agents: health.report(),
        }),
      },
    })
    undo.push(
      endBlockedSessions(admin.sessions, { blocks: state.blocks, audit: state.audit, snapshot: () => snapshot }),
    )
    const upkeep = createAuditUpkeep({
      clock,
      run: async () => {
        const { clockAheadMs } = await methods['audit.prune']({ dryRun: false })
        if (clockAheadMs === 0) return
        log.warn({ clockAheadMs }, 'the clock is ahead of what the ledger vouches for: what only it lets go was kept')
        await state.audit.administered('audit.prune.held-back', '', { clockAheadMs })
      },
      onProblem: (error) => log.error({ err: error }, 'records that have expired could not be removed'),
    })
    undo.push(() => upkeep.stop())
    const control = await startControlServer(state.dataDir, methods, parts.onBug)
    undo.push(() => control.close())

    const adminAddress = splitAddress(loaded.config.admin.listen)
    const adminPort = await admin.listen(adminAddress.host, adminAddress.port)
    undo.push(() => admin.close())
    const missing = witnesses?.missing ?? []
    for (const { log: ofLog, witness, why, isUnproven } of missing) {
      log.warn({ log: ofLog, witness, why }, 'a witness was not had')
      if (isUnproven) alarm('witness.unproven')(ofLog, witness, why)
    }
    if (adminTokens.length > 0 || loaded.config.admin.oidc !== undefined) void admin.warmUp()
    witnesses?.start()
    undo.push(() => witnesses?.stop())
    await state.audit.administered('started', '', {
      version,
      digest: snapshot.digest,
      recovery: { ...state.ledger.recovery },
      ...(missing.length > 0 && { witnessesMissing: missing.map((each) => ({ ...each })) }),
      ...contentMember(snapshot.config),
      ...(snapshot.config.aliases.length > 0 && { aliases: snapshot.config.aliases.map(describeAlias) }),
    })
    exports = await startExports({ loaded, state, dialler, clock, version, log })

    return {
      url,
      adminUrl: `http://${formatAddress(adminAddress.host, adminPort)}`,
      snapshot: () => snapshot,
      state,
      methods,
      async stop() {
        stopping = true
        upkeep.stop()
        tlsWatch.stop()
        clearInterval(keySets)
        clearInterval(expiry)
        watch.close()
        health.stop()
        await control.close()
        const { drain } = snapshot.config.gateway.bounds
        const cut = setTimeout(() => heartbeat.cutAll(), drain)
        await listener.drain(drain + cutMs)
        clearTimeout(cut)
        // connections are gone; what they left behind is still on its way to the ledger
        await open.settled()
        heartbeat.stop()
        trouble.close()
        await admin.close()
        clearInterval(signerTick)
        await grantFile.close()
        await exports?.stop()
        await witnesses?.stop()
        await tracing?.stop()
        await dialler.close()
        await state.close()
      },
    }
  }
}

/** Published long enough: from here on the next key signs. What the disk does not take now is tried again. */
function turnAssertionKey(ring: AssertionRing, state: State, log: Log): void {
  try {
    const kid = ring.tick()
    if (kid === undefined) return
    log.info({ kid }, 'a new key signs assertions')
    state.audit.administered('assertion.key-signs', '', { kid }).catch(() => undefined)
  } catch (error) {
    log.error({ err: error }, 'the next key of assertions could not be put in place')
  }
}

/** Said at every start and reload: whoever reads the log later must know what the gateway could not see then. */
function warnOfLocalKeys({ identity }: Config, log: Log): void {
  for (const { name, mode } of identity.kubernetes)
    if (mode === 'jwks')
      log.warn(
        { cluster: name },
        'mode jwks: tokens of deleted pods, accounts and secrets are accepted until they expire',
      )
}

/** Whose words are recorded belongs into the record too. */
function contentMember(config: Config): { contentOf: { requests: string[]; answers: string[] } } {
  const { requests, answers } = recordedAgents(config)
  return { contentOf: { requests: [...requests], answers: [...answers] } }
}

async function fetchCard(agent: AgentConfig, rules: Rules, dialler: Dialler): Promise<Buffer> {
  const tls = rules.forwarder.upstreams.get(agent.name)?.secrets.tls
  const url = agent.cardUrl ?? `${agent.url.replace(/\/+$/, '')}/.well-known/agent-card.json`
  return await dialler.get(url, { ...cardBounds, ...(tls && { tls }) })
}

/** Every bearer token of the admin API, by its hash. */
function adminTokensOf({ config, secrets }: LoadedConfig, own: string | undefined): MachineToken[] {
  const { token: unnamed, tokens: named } = config.admin
  const tokens = named.map(({ name, role, token }) => machineToken(name, role, secrets.resolve(token).bytes()))
  if (unnamed !== undefined) tokens.push(machineToken('default', 'viewer', secrets.resolve(unnamed).bytes()))
  if (own !== undefined) tokens.push(machineToken('own', 'admin', own))
  return tokens
}
