// Policy from what really happened: a running demonstration is called, and beside it the same calls are decided again
// under other policies, and the least policy is made of them.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parse, stringify } from 'yaml'
import type { ReplayReport } from '../../src/cli/ports.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'
import { say } from './client.ts'
import { startDemo, type Demo } from './demo-process.ts'
import { launcher } from './harness.ts'

let demo: Demo
const folder = temporaryFolder()

before(async () => {
  demo = await startDemo()
  for (const caller of ['alice', 'bob'] as const) await demo.ask(caller, 'calculator', 'SendMessage', say('1 + 2'))
  await demo.ask('alice', 'concierge', 'SendMessage', say('what is the mean of 1, 2, 3?'))
  await demo.ask('bob', 'calculator', 'GetTask', { id: 'no-such-task' })
  await demo.client.http({ path: '/agents' })
})
after(async () => {
  assert.equal(await demo.stop('SIGINT'), 0)
})

function sallyport(...words: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(launcher, words, { cwd: folder, encoding: 'utf8' })
  return { code: status, out: stdout, err: stderr }
}
const config = (): string => join(demo.ready.dataDir, '..', 'sallyport.yaml')

function replay(against: string): { code: number | null; report: ReplayReport } {
  const { code, out, err } = sallyport(
    'policy',
    'replay',
    '--against',
    against,
    '--data-dir',
    demo.ready.dataDir,
    '--json',
  )
  assert.equal(err, '')
  return { code, report: JSON.parse(out) as ReplayReport }
}
const withPolicy = (policy: unknown): string => {
  const file = join(folder, 'proposed.yaml')
  writeFileSync(file, stringify({ ...(parse(readFileSync(config(), 'utf8')) as object), policy }))
  return file
}

test('the policy in force changes nothing, and what it never decided is counted', () => {
  const { code, report } = replay(config())
  assert.equal(code, 0)
  assert.deepEqual([report.gains, report.losses], [[], []])
  assert.ok(report.allowedAsBefore >= 4 && report.refusedAsBefore >= 1)
  assert.ok(report.undecided.some(({ reason }) => reason.includes('AUTHN_')))
})

test('under a policy without anything everybody loses, and nobody gains', () => {
  const { code, report } = replay(withPolicy({}))
  assert.equal(code, 1)
  assert.deepEqual(report.gains, [])
  const losers = new Set(report.losses.flatMap(({ caller, origin }) => [caller, origin]))
  for (const id of ['key:alice', 'key:bob', 'agent:concierge']) assert.ok(losers.has(id), id)
})

test('the suggested policy is a configuration that checks, under which the same calls are decided alike', () => {
  const { code, out, err } = sallyport('policy', 'suggest', '--data-dir', demo.ready.dataDir)
  assert.equal(code, 0, err)
  const file = join(folder, 'suggested.yaml')
  writeFileSync(file, out)
  assert.equal(sallyport('policy', 'check', '--config', file).code, 0)
  const { report } = replay(file)
  assert.deepEqual([report.gains, report.losses], [[], []])
  const { policy } = parse(out) as { policy: { bindings: { callers: string[] }[] } }
  const named = policy.bindings.flatMap(({ callers }) => callers).toSorted()
  assert.deepEqual(named, ['agent:concierge', 'key:alice', 'key:bob'])
})
