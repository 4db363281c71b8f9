// What the commands call, implemented: the one place where the command line meets the rest of the product.

import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileBounds, nodeFiles, verifyLedger } from '../audit/audit.ts'
import { systemClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { cardJsonBounds, interfacesOf } from '../a2a/card.ts'
import { cardFrom03, isCard03 } from '../a2a/v0-3/cards.ts'
import { decodeUtf8, isJsonObject, parseStrictJson, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { AgentTarget, CardFacts, Ports } from '../cli/ports.ts'
import { createDialler, openAssertionRing } from '../forward/forward.ts'
import { reindexLedger, searchLedger } from './audit-search.ts'
import { createProofPorts } from './audit-proofs.ts'
import { createApprovalMethods } from './approval-methods.ts'
import { createAssertionMethods } from './assertion-methods.ts'
import { createControlMethods } from './control-methods.ts'
import { runDemo } from './demo.ts'
import { cardBounds } from './fetch-bounds.ts'
import { createBlockMethods } from './block-methods.ts'
import { readRetention } from './foresee-upkeep.ts'
import { beginAnew } from './set-aside.ts'
import { agentSecrets, checkPolicy } from './rules.ts'
import { readVouchers } from './read-vouchers.ts'
import { exportedBelow } from './export-cursor.ts'
import { createTokenMethods } from './token-methods.ts'
import { createRetentionMethods } from './retention-methods.ts'
import { createPolicyPorts } from './policy-ports.ts'
import { runServe } from './run-serve.ts'
import { runWitness, witnessKeys } from './run-witness.ts'
import { createSecretMethods } from './secret-methods.ts'
import { openState } from './state.ts'
import { createTailRecords, tailLedger } from './tail-ledger.ts'
import { exportNames } from './start-exports.ts'

export function createPorts(): Ports {
  return {
    runServe,
    runDemo,
    async openState({ dataDir, loaded }) {
      const state = await openState({
        dataDir,
        loaded,
        role: 'cli',
        clock: systemClock,
        snapshotDigest: () => '',
        // the command's own append rejects as well and says why
        onFatal: () => undefined,
      })
      const nothingRuns = (): never => {
        throw new Fault('CONTROL_FAILED', 'no gateway is running on this data directory', {
          hint: 'start one: sallyport serve',
        })
      }
      return {
        methods: {
          ...createControlMethods(
            state,
            () => systemClock.nowMs(),
            () => Promise.resolve(nothingRuns()),
          ),
          ...createAssertionMethods(state, () =>
            openAssertionRing(
              join(state.dataDir, 'keys'),
              state.dataKeys,
              systemClock,
              () => state.config.delegation.maxLife,
            ),
          ),
          ...createApprovalMethods(state, { clock: systemClock, config: () => state.config }),
          // sessions live in the memory of a gateway
          'admin.bootstrap': () => Promise.resolve(nothingRuns()),
          'admin.sessions': () => Promise.resolve(nothingRuns()),
          'admin.logout': () => Promise.resolve(nothingRuns()),
          ...createSecretMethods(state, { loaded: () => loaded, nowMs: () => systemClock.nowMs() }),
          ...createBlockMethods(state, () => systemClock.nowMs()),
          ...createTokenMethods(state, { clock: systemClock, config: () => state.config }),
          ...createRetentionMethods(state, {
            clock: systemClock,
            config: () => state.config,
            keyEncryptionKey: () => Promise.resolve(state.ledgerKey.bytes()),
            minimumExported: (origin) => exportedBelow(state.dataDir, exportNames(state.config), origin),
          }),
        },
        close: () => state.close(),
      }
    },
    readRetention: (context) => readRetention(context, systemClock),
    beginAnew: (request) => beginAnew({ ...request, clock: systemClock }),
    async verifyLedger(ledgerRoot, options) {
      const known = await knownOrigins(ledgerRoot)
      const { keptOrigins = [], ...vouchers } = options === undefined ? {} : readVouchers(options, systemClock)
      return await verifyLedger(ledgerRoot, {
        ...vouchers,
        expectedOrigins: [...new Set([...known, ...keptOrigins])],
        // where logs are written, one without its segments has lost them; a copy for an auditor comes without keys
        mustHaveSegments: existsSync(keysOf(ledgerRoot)),
      })
    },
    runWitness,
    witnessKeys,
    tailLedger,
    async *searchLedger(options) {
      const toTail = createTailRecords()
      for await (const { log, record } of searchLedger({ ...options, clock: systemClock })) yield toTail(log, record)
    },
    reindexLedger: (options) => reindexLedger({ ...options, clock: systemClock }),
    checkPolicy,
    inspectAgent,
    ...createPolicyPorts(),
    ...createProofPorts({
      clock: systemClock,
      pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    }),
  }
}

/** Origins that have a key in this data directory: a log that was deleted whole is missed by its key. */
async function knownOrigins(ledgerRoot: string): Promise<string[]> {
  const keys = keysOf(ledgerRoot)
  const names = (await readdir(keys).catch(() => [])).filter((name) => /^ledger-[a-z]+\.origin$/.test(name))
  const read = async (name: string): Promise<string> =>
    (await nodeFiles.readFile(join(keys, name), fileBounds.role))?.toString('utf8').trim() ?? ''
  return await Promise.all(names.map(read))
}

const keysOf = (ledgerRoot: string): string => join(ledgerRoot, '..', 'keys')

async function inspectAgent(target: AgentTarget): Promise<CardFacts> {
  const configured = target.loaded?.config.agents.find((agent) => agent.name === target.name)
  const tls = configured && target.loaded ? agentSecrets(configured, target.loaded.secrets).tls : undefined
  const cardUrl = target.cardUrl ?? `${target.url.replace(/\/+$/, '')}/.well-known/agent-card.json`
  const dialler = createDialler()
  try {
    const bytes = await dialler.get(cardUrl, { ...cardBounds, ...(tls && { tls }) })
    return readCard(cardUrl, bytes)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault(
      'CONTROL_FAILED',
      `the card cannot be fetched from ${cardUrl}: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
        hint: 'is the agent running, and is this its base URL?',
      },
    )
  } finally {
    await dialler.close()
  }
}

function readCard(cardUrl: string, bytes: Buffer): CardFacts {
  const text = decodeUtf8(bytes)
  const parsed = text === undefined ? undefined : parseStrictJson(text, cardJsonBounds)
  if (parsed?.ok !== true || !isJsonObject(parsed.value)) {
    throw new Fault('CONTROL_FAILED', `what lies at ${cardUrl} is not an agent card`, {
      hint: 'name the card by --card-url, if it lies elsewhere',
    })
  }
  const card = parsed.value
  const interfaces = interfacesOf(isCard03(card) ? cardFrom03(card) : card)
  const capabilities = isJsonObject(card['capabilities']) ? card['capabilities'] : {}
  const versions = interfaces.map((each) => each.version)
  return {
    cardUrl,
    name: string(card['name']),
    description: string(card['description']),
    version: string(card['version']),
    protocolVersions: [...new Set([...versions, string(card['protocolVersion'])])].filter((version) => version !== ''),
    interfaces,
    streaming: capabilities['streaming'] === true,
    pushNotifications: capabilities['pushNotifications'] === true,
    signed: objects(card['signatures']).length > 0,
    securitySchemes: isJsonObject(card['securitySchemes']) ? Object.keys(card['securitySchemes']) : [],
    skills: objects(card['skills']).map((skill) => ({
      id: string(skill['id']),
      name: string(skill['name']),
      description: string(skill['description']),
    })),
  }
}

const string = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '')
const objects = (value: JsonValue | undefined): JsonObject[] => (Array.isArray(value) ? value.filter(isJsonObject) : [])
