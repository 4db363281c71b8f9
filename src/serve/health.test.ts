import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import test from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { SecretReader } from '../config/config.ts'
import { createAssertionSigner, createDialler, type Dialler } from '../forward/forward.ts'
import { makeWorld } from '../../test/fakes/identity.ts'
import { snapshotOf } from '../../test/fakes/walk.ts'
import { createClusters } from './clusters.ts'
import { startHealthChecks } from './health.ts'
import { compileRules } from './rules.ts'

test('an agent is up or down as the last check or call found it', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const snapshot = snapshotOf({
    agents: [
      { name: 'checked', url: 'http://127.0.0.1:9/', health: { interval: '30s' } },
      { name: 'unchecked', url: 'http://127.0.0.1:9/', health: { interval: '0s' } },
    ],
  })
  const clock = createManualClock()
  const real = createDialler()
  t.after(() => real.close())
  const asked: string[] = []
  let answer = Promise.resolve(Buffer.alloc(0))
  const dialler: Dialler = {
    ...real,
    get(url) {
      asked.push(url)
      return answer
    },
  }
  const signer = createAssertionSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  const rules = compileRules(snapshot, new SecretReader(''), {
    clock,
    authenticator: makeWorld().authenticator,
    signer,
    pairwise: Buffer.alloc(32),
    dialler: real,
    clusters: createClusters({ dialler: real, clock, random: () => 0 }),
  })
  const health = startHealthChecks({ dialler, clock, rules: () => rules, snapshot: () => snapshot })
  t.after(() => health.stop())
  const isUp = (): boolean[] => health.report().map((agent) => agent.isUp)
  const later = async (milliseconds: number): Promise<void> => {
    clock.advance(milliseconds)
    t.mock.timers.tick(1_000)
    await new Promise(setImmediate)
  }
  const breakerOf = (name: string): { failed(): void; succeeded(): void } => {
    const upstream = rules.forwarder.upstreams.get(name)
    assert.ok(upstream)
    return upstream.breaker
  }

  assert.deepEqual(isUp(), [true, true])
  answer = Promise.reject(new Error('gone'))
  await later(1_000)
  assert.deepEqual([asked.length, isUp()], [1, [false, true]])
  breakerOf('checked').succeeded()
  breakerOf('unchecked').failed()
  await later(29_000)
  assert.deepEqual([asked.length, isUp()], [1, [true, false]])
  breakerOf('checked').failed()
  answer = Promise.resolve(Buffer.alloc(0))
  await later(1_000)
  assert.deepEqual([asked.length, isUp()], [2, [true, false]])
})
