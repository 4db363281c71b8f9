// No record, no effect (invariant 2). On a full disk, or where the ledger cannot be written, everything answers 503,
// readiness goes off, the agent sees nothing; when there is room again the same process recovers and records the gap.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { canLimitProcesses, canMountTmpfs, needs } from '../needs.ts'
import { bindings, say, type Answer } from './client.ts'
import { assertRefused, eventually, startGateway, type Gateway } from './harness.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'

let agent: HostileAgent

before(async () => {
  agent = await startHostileAgent()
})
after(() => agent.close())

const isReady = async (gateway: Gateway): Promise<boolean> => (await fetch(`${gateway.adminUrl}/readyz`)).status === 200

/** Refuses everything while the ledger cannot be written, and recovers when it can. */
async function assertRefusesAndRecovers(gateway: Gateway, breakIt: () => void, mendIt: () => void): Promise<void> {
  const made = await gateway.as('alice', {
    binding: 'JSONRPC',
    agent: 'a',
    operation: 'SendMessage',
    params: say('task'),
  })
  const { id } = made.result['task'] as { id: string }
  assert.ok(await isReady(gateway))
  breakIt()
  const call = { binding: 'JSONRPC', agent: 'a', operation: 'SendMessage', params: say('message') } as const
  // what still fits into the last bytes may still be served, with its record
  await eventually(
    'the ledger is full',
    async () => ((await gateway.as('alice', call)).status === 503 ? true : undefined),
    20_000,
  )
  const seen = agent.seen.length

  let refused = 0
  for (const binding of bindings) {
    for (const operation of ['SendMessage', 'SendStreamingMessage'] as const) {
      assertUnavailable(await gateway.as('alice', { binding, agent: 'a', operation, params: say('message') }), binding)
    }
    assertUnavailable(
      await gateway.as('alice', { binding, agent: 'a', operation: 'CancelTask', params: { id } }),
      binding,
    )
    // refusals cannot be recorded either
    assertUnavailable(
      await gateway.as('alice', { binding, agent: 'a', operation: 'GetTask', params: { id: 't-absent' } }),
      binding,
    )
    assertUnavailable(
      await gateway.call({ binding, agent: 'a', operation: 'SendMessage', params: say('message') }),
      binding,
    )
    refused += 5
  }
  assert.equal(agent.seen.length, seen, 'the agent saw a call without a record')
  for (const binding of bindings) {
    const read = await gateway.as('alice', { binding, agent: 'a', operation: 'GetTask', params: { id } })
    assertUnavailable(read, binding)
    assert.ok(!read.text.includes('TASK_STATE'), 'an answer without a record')
    assertUnavailable(await gateway.as('alice', { binding, agent: 'a', operation: 'ListTasks' }), binding)
    refused += 2
  }
  assert.equal(await isReady(gateway), false)
  assert.equal((await fetch(`${gateway.adminUrl}/healthz`)).status, 200)

  mendIt()
  await eventually(
    'recovery',
    async () => ((await gateway.as('alice', call)).status === 200 ? true : undefined),
    10_000,
  )
  await gateway.good('a')
  await eventually('readiness', async () => ((await isReady(gateway)) ? true : undefined))
  const still = await gateway.as('alice', { binding: 'JSONRPC', agent: 'a', operation: 'GetTask', params: { id } })
  assert.equal(still.result['id'], id)
  const gaps = (await gateway.records()).flatMap((record) =>
    record.envelope.operation === 'unrecorded-refusals' ? [record.event?.['gap']] : [],
  )
  const count = gaps.reduce<number>((sum, gap) => sum + (gap as { count: number }).count, 0)
  assert.ok(count >= refused, `${count} of ${refused} refusals were counted`)
}

function assertUnavailable(answer: Answer, binding: (typeof bindings)[number]): void {
  assertRefused(answer, 'AUDIT_UNAVAILABLE', binding)
  assert.ok(answer.headers['retry-after'])
  assert.equal(answer.headers['sallyport-record'], undefined)
}

test('a full disk refuses everything and recovers in process', needs('tmpfs mounts', canMountTmpfs()), async () => {
  const home = temporaryFolder()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', home])
  try {
    const gateway = await startGateway({ agents: { a: agent.url }, callers: ['alice'], home })
    const filler = join(home, 'filler')
    await assertRefusesAndRecovers(
      gateway,
      () => fill(filler),
      () => unlinkSync(filler),
    )
    await gateway.stop()
  } finally {
    execFileSync('umount', ['-l', home])
  }
})

test(
  'a ledger that may not grow refuses everything and recovers in process',
  needs('prlimit', canLimitProcesses()),
  async () => {
    const gateway = await startGateway({ agents: { a: agent.url }, callers: ['alice'] })
    // a file size limit: writes beyond it fail with EFBIG
    const limit = (bytes: string): void =>
      void execFileSync('prlimit', ['--pid', String(gateway.pid), `--fsize=${bytes}:`])
    await assertRefusesAndRecovers(
      gateway,
      () => limit(String(largestSegment(gateway.dataDir))),
      () => limit('unlimited'),
    )
    await gateway.stop()
  },
)

function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (const size of [65_536, 4_096, 1]) {
      const chunk = Buffer.alloc(size)
      try {
        for (;;) if (writeSync(file, chunk) < size) break
      } catch {
        // full to this size: fill the rest with smaller pieces
      }
    }
  } finally {
    closeSync(file)
  }
}

function largestSegment(dataDir: string): number {
  const sizes = readdirSync(join(dataDir, 'ledger'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.endsWith('.seg'))
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size)
  return Math.max(...sizes)
}
