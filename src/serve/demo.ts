// `sallyport demo`: the gateway, its admin listener and two sample agents in one process, on a fresh data directory
// with fresh secrets, and six commands to paste that show what it is for. The agents come from a workspace of their
// own and are loaded only here, so that nothing of theirs is in the gateway's image.

import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Fault } from '../base/fault.ts'
import { makeFolder } from '../base/make-folder.ts'
import { systemReason } from '../base/system-error.ts'
import { loadConfig, type LoadedConfig } from '../config/config.ts'
import type { DemoOptions } from '../cli/ports.ts'
import { renderGuide } from './demo-guide.ts'
import { makeFreshFolder, type FreshFolder } from './fresh-folder.ts'
import { startGateway, type Gateway } from './gateway.ts'
import { runUntilStopped } from './run-until-stopped.ts'
import { checkPolicy } from './rules.ts'

/** The part of the sample agents' package that is used here; it is loaded at run time. */
interface SampleAgentsModule {
  readonly startSampleAgents: (options: {
    verification: { readonly jwksUrl: string; readonly issuer: string }
    concierge: { gatewayUrl: () => string; calculatorAgent: string; key: () => string }
  }) => Promise<{
    readonly calculator: { readonly url: string }
    readonly concierge: { readonly url: string }
    close(): Promise<void>
  }>
}

interface Ready {
  readonly gateway: string
  readonly admin: string
  readonly dataDir: string
  readonly agents: readonly { readonly name: string; readonly url: string }[]
  readonly callers: Readonly<Record<'alice' | 'bob', { readonly id: string; readonly key: string }>>
  readonly adminToken: string
}

export async function runDemo(options: DemoOptions): Promise<number> {
  const { startSampleAgents } = await loadSampleAgents()
  const { path: root, leaveSignals } = makeRoot(options.dataDir)
  let gateway: Gateway | undefined
  let conciergeKey = ''
  const gatewayUrl = (): string => gateway?.url ?? ''
  const agents = await startSampleAgents({
    verification: {
      get jwksUrl() {
        return `${gatewayUrl()}/.well-known/jwks.json`
      },
      get issuer() {
        return gatewayUrl()
      },
    },
    concierge: { gatewayUrl, calculatorAgent: 'calculator', key: () => conciergeKey },
  })
  try {
    const file = join(root, 'sallyport.yaml')
    await writeFile(file, demoConfig(options, agents), { mode: 0o600 })
    const loaded = await requireConfig(file)
    const adminToken = randomBytes(24).toString('base64url')
    return await runUntilStopped({
      start: async (log, onFatal) => {
        leaveSignals()
        gateway = await startGateway({ loaded, dataDir: loaded.dataDir, log, adminToken, onFatal }).catch(adviseOnPorts)
        return gateway
      },
      ready: async (running) => {
        conciergeKey = await createKey(running, 'concierge')
        const ready: Ready = {
          gateway: running.url,
          admin: running.adminUrl,
          dataDir: running.state.dataDir,
          agents: ['calculator', 'concierge'].map((name) => ({ name, url: `${running.url}/agents/${name}` })),
          callers: {
            alice: { id: 'key:alice', key: await createKey(running, 'alice') },
            bob: { id: 'key:bob', key: await createKey(running, 'bob') },
          },
          adminToken,
        }
        options.out(
          options.json
            ? `${JSON.stringify(ready)}\n`
            : renderGuide(ready, { file, color: options.color, command: launcher(), keptIn: options.dataDir }),
        )
      },
      err: options.err,
      quiet: true,
    })
  } finally {
    await agents.close()
  }
}

/** Whoever runs the demonstration has no configuration to change: a free port is one flag away. */
function adviseOnPorts(error: unknown): never {
  if (!(error instanceof Fault) || error.code !== 'LISTEN_FAILED') throw error
  throw new Fault(error.code, error.message, { cause: error, hint: 'npm run demo -- --port 0 --admin-port 0' })
}

/** The folder of this demonstration: the one that was asked for, which is the caller's to keep, or a fresh one. */
function makeRoot(asked: string | undefined): FreshFolder {
  try {
    if (asked === undefined) return makeFreshFolder('sallyport-demo-')
    makeFolder(asked)
    return { path: asked, leaveSignals: () => undefined }
  } catch (cause) {
    throw new Fault('STORE_UNREACHABLE', `cannot use the folder ${asked ?? tmpdir()}: ${systemReason(cause)}`, {
      cause,
      hint: 'name a folder that you may write to: --data-dir DIR',
    })
  }
}

async function loadSampleAgents(): Promise<SampleAgentsModule> {
  const packageName = '@sallyport/sample-agents'
  try {
    // its types would bring express and the SDK into the gateway's build
    return (await import(packageName)) as SampleAgentsModule
  } catch (cause) {
    throw new Fault('CONFIG_INVALID', 'the sample agents are not installed here', {
      cause,
      hint: 'run the demo from a checkout: npm run demo',
    })
  }
}

async function createKey(gateway: Gateway, name: string): Promise<string> {
  return (await gateway.methods['key.create']({ name, expiresInMs: null })).key
}

async function requireConfig(file: string): Promise<LoadedConfig> {
  const loaded = await loadConfig(file, { extraChecks: checkPolicy })
  if (!loaded.ok)
    throw new Fault(
      'CONFIG_INVALID',
      loaded.problems.map((problem) => `${problem.path}: ${problem.message}`).join('; '),
    )
  return loaded
}

/** How a person in this shell starts the command line again. */
function launcher(): string {
  const path = fileURLToPath(new URL('../../bin/sallyport', import.meta.url))
  return path === resolve('bin/sallyport') ? 'bin/sallyport' : path
}

function demoConfig(
  options: DemoOptions,
  agents: { readonly calculator: { readonly url: string }; readonly concierge: { readonly url: string } },
): string {
  return `# The configuration of the demonstration. Edit it while it runs: what is valid is taken up at once.
gateway:
  listen: 127.0.0.1:${options.port ?? 7000}
  bounds: { drain: 1s }
admin:
  listen: 127.0.0.1:${options.adminPort ?? 7001}
dataDir: ./data
identity:
  apiKeys: { environment: demo }
agents:
  - { name: calculator, url: "${agents.calculator.url}" }
  # the concierge calls the calculator through the gateway, with a key of its own
  - { name: concierge, url: "${agents.concierge.url}", principals: ["key:concierge"] }
policy:
  roles:
    - name: user
      rules:
        - { agents: [calculator, concierge], operations: ["*"] }
    - name: uses-calculator
      rules:
        - { agents: [calculator], operations: [SendMessage, SendStreamingMessage, GetTask] }
  bindings:
    - { role: user, callers: ["key:alice", "key:bob"] }
    - { role: uses-calculator, callers: ["agent:concierge"] }
  denies:
    - name: no-files
      operations: [SendMessage, SendStreamingMessage]
      when: message.parts.exists(p, p.kind == "raw" || p.kind == "url")
`
}
