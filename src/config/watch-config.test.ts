import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { loadConfig, watchConfig } from './config.ts'
import type { ConfigWatch, Problem, Snapshot } from './config.ts'

interface Watched {
  readonly file: string
  readonly watch: ConfigWatch
  readonly signals: EventEmitter
  /** emits 'snapshot' (snapshot, needRestart) and 'problems' */
  readonly events: EventEmitter
}

async function start(t: TestContext): Promise<Watched> {
  const file = join(mkdtempSync(join(tmpdir(), 'sallyport-watch-')), 'sallyport.yaml')
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
