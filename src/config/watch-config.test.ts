import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { configJsonSchema, loadConfig, staticSettings, watchConfig } from './config.ts'
import type { ConfigWatch, Problem, SchemaNode, Snapshot } from './config.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

interface Watched {
  readonly file: string
  readonly watch: ConfigWatch
  readonly signals: EventEmitter
  /** emits 'snapshot' (snapshot, needRestart) and 'problems' */
  readonly events: EventEmitter
}

async function start(t: TestContext): Promise<Watched> {
  const file = join(temporaryFolder(), 'sallyport.yaml')
  writeFileSync(file, 'dataDir: ./a\n')
  const current = await loadConfig(file)
  assert.ok(current.ok)
  const [signals, events] = [new EventEmitter(), new EventEmitter()]
  const watch = watchConfig({
    current,
    signals,
    debounceMs: 5,
    onSnapshot: (snapshot, _loaded, needRestart) => events.emit('snapshot', snapshot, needRestart),
    onProblems: (problems) => events.emit('problems', problems),
  })
  t.after(() => watch.close())
  return { file, watch, signals, events }
}

const withAgent = 'dataDir: ./a\nagents: [{ name: a, url: "http://a" }]\n'

test('takes up a file that was replaced by a rename', async (t) => {
  const { file, events } = await start(t)
  const taken = once(events, 'snapshot')
  writeFileSync(`${file}.new`, withAgent)
  renameSync(`${file}.new`, file)
  const [snapshot] = (await taken) as [Snapshot]
  assert.ok(snapshot.agents.has('a'))
})

test('a bad file is reported and the next good one is taken', async (t) => {
  const { file, events } = await start(t)
  const reported = once(events, 'problems')
  events.once('snapshot', () => assert.fail('a bad file was taken'))
  writeFileSync(file, 'agents: [{ name: a }]\n')
  const [problems] = (await reported) as [Problem[]]
  assert.equal(problems[0]?.path, 'agents[0].url')
  events.removeAllListeners('snapshot')
  const taken = once(events, 'snapshot')
  writeFileSync(file, withAgent)
  await taken
})

test('a file that vanishes is a problem, not an empty configuration', async (t) => {
  const { file, events } = await start(t)
  const reported = once(events, 'problems')
  rmSync(file)
  await reported
})

test('SIGHUP and a request read again, also an unchanged file', async (t) => {
  const { signals, events, watch } = await start(t)
  const taken = once(events, 'snapshot')
  signals.emit('SIGHUP')
  await taken
  const again = once(events, 'snapshot')
  assert.ok((await watch.reload()).ok)
  await again
})

test('names what a running process cannot take up', async (t) => {
  const { file, watch, events } = await start(t)
  const taken = once(events, 'snapshot')
  writeFileSync(file, 'dataDir: ./b\ngateway: { listen: 127.0.0.1:1 }\n')
  await watch.reload()
  const [, needRestart] = (await taken) as [Snapshot, string[]]
  assert.deepEqual(needRestart, ['gateway.listen', 'dataDir'])
})

test('closing ends everything', async (t) => {
  const { signals, watch } = await start(t)
  watch.close()
  assert.equal(signals.listenerCount('SIGHUP'), 0)
})

test('what cannot be taken up is a problem, and is tried again though the file stays the same', async (t) => {
  const file = join(temporaryFolder(), 'sallyport.yaml')
  writeFileSync(file, withAgent)
  const current = await loadConfig(file)
  assert.ok(current.ok)
  let isMissing = true
  const problems: Problem[] = []
  const watch = watchConfig({
    current,
    signals: new EventEmitter(),
    onSnapshot: () => {
      if (isMissing) throw new Error('the secret is gone')
    },
    onProblems: (found) => problems.push(...found),
  })
  t.after(() => watch.close())
  assert.equal((await watch.reload()).ok, false)
  assert.equal(problems.length, 1)
  isMissing = false
  assert.equal((await watch.reload()).ok, true)
})

/** Who takes up what when a changed file is adopted; everything else has to be in `staticSettings`. */
const liveSettings: Readonly<Record<string, string>> = {
  'gateway.publicUrl': 'snapshot: cards, directory, assertions',
  'gateway.dangerouslyAllowPlaintext':
    'judged at each load; where it matters gateway.listen or gateway.tls changed too',
  'gateway.trustedProxies': 'snapshot: source addresses',
  'gateway.proxyHeader': 'snapshot: source addresses',
  'gateway.cors': 'snapshot: each request',
  'gateway.bounds': 'snapshot: each request; Listener.reconfigure for those of connections',
  'gateway.securityContact': 'snapshot: security.txt',
  'gateway.extensions': 'snapshot: each request',
  'identity.jwt': 'snapshot: each token',
  'identity.mtls': 'snapshot: each connection once; the files of its bundles by the TLS watch',
  'identity.kubernetes': 'compiled with the snapshot: connections that did not change are kept',
  aliases: 'snapshot: each call; compiled with the snapshot',
  agents: 'compiled with the snapshot',
  policy: 'compiled with the snapshot',
  approvals: 'read when a call asks and when somebody decides',
  limits: 'Limiter.reconfigure',
  ownership: 'OwnershipIndex.retain',
  delegation: 'snapshot: each call',
  telemetry: 'snapshot: each call',
  unauthenticated: 'SourceLimiter.reconfigure',
  'admin.token': 'AdminListener.reconfigure',
  'admin.tokens': 'AdminListener.reconfigure',
  'admin.administrators': 'snapshot: each call of the admin API',
  'audit.mode': 'snapshot: each call',
  'audit.retention': 'read when retention runs',
  'audit.receipts': 'snapshot: each answer',
  'audit.content': 'compiled with the snapshot',
}

function leavesOf(schema: SchemaNode, path = ''): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, member]) => {
    const inner = path === '' ? key : `${path}.${key}`
    const below = leavesOf(member, inner)
    return below.length === 0 ? [inner] : below
  })
}

test('every setting is taken up by a reload, or listed as needing a restart', () => {
  const leaves = leavesOf(configJsonSchema())
  const covers = (name: string, leaf: string): boolean => leaf === name || leaf.startsWith(`${name}.`)
  for (const leaf of leaves) {
    const isStatic = staticSettings.some((name) => covers(name, leaf))
    const isLive = Object.keys(liveSettings).some((name) => covers(name, leaf))
    assert.ok(isStatic || isLive, `${leaf} is neither`)
  }
  for (const name of [...staticSettings, ...Object.keys(liveSettings)])
    assert.ok(
      leaves.some((leaf) => covers(name, leaf)),
      `${name} is no setting`,
    )
})
