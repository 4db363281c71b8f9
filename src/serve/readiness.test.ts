import assert from 'node:assert/strict'
import test from 'node:test'
import { createReadiness, type ReadinessReporter, type ReadinessSources } from './readiness.ts'

function make(changed: Partial<ReadinessSources> = {}): ReadinessReporter {
  return createReadiness({
    nowMs: () => Date.UTC(2026, 0, 1),
    ledgerStatus: () => 'writable',
    storeProblem: () => undefined,
    isStopping: () => false,
    connections: () => 9,
    maxConnections: () => 10,
    configDigest: () => 'abc',
    ...changed,
  })
}

const failing = (reporter: ReadinessReporter): [boolean, string[]] => {
  const { ready, checks } = reporter.report()
  return [ready, checks.filter((check) => !check.ok).map((check) => check.name)]
}
const detailOf = (reporter: ReadinessReporter, name: string): string | undefined =>
  reporter.report().checks.find((check) => check.name === name)?.detail

test('is ready when nothing is wrong', () => {
  assert.deepEqual(failing(make()), [true, []])
})

test('is not ready when one part is not, and says which', () => {
  assert.deepEqual(failing(make({ ledgerStatus: () => 'full' })), [false, ['ledger']])
  assert.deepEqual(failing(make({ storeProblem: () => 'disk I/O error' })), [false, ['store']])
  assert.deepEqual(failing(make({ isStopping: () => true })), [false, ['accepting']])
  assert.deepEqual(failing(make({ connections: () => 10 })), [false, ['accepting']])
  assert.equal(detailOf(make({ storeProblem: () => 'disk I/O error' }), 'store'), 'disk I/O error')
})

test('looks anew each time it is asked', () => {
  let status = 'unwritable'
  const reporter = make({ ledgerStatus: () => status })
  assert.equal(reporter.report().ready, false)
  status = 'writable'
  assert.equal(reporter.report().ready, true)
})

test('a refused reload is told until one is taken, and serving goes on', () => {
  const reporter = make()
  reporter.reloadRefused()
  assert.equal(reporter.report().ready, true)
  assert.equal(detailOf(reporter, 'configuration'), 'abc; last reload refused at 2026-01-01T00:00:00.000Z')
  reporter.reloaded()
  assert.equal(detailOf(reporter, 'configuration'), 'abc')
})
