// Kill -9 under load. After a restart on the same directory the ledger verifies, the record of every answered call
// is in it with the leaf hash that the answer named, and every task that a caller was told of is still that
// caller's and nobody else's.

import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isOperation } from '../../src/a2a/operations.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { bindings, say } from './client.ts'
import { assertRefused, readRecords, receiptOf, startGateway, verify, type Gateway } from './harness.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'

const rounds = 3
const callers = ['alice', 'bob']

let agent: HostileAgent
let home: string

before(async () => {
  agent = await startHostileAgent()
  home = temporaryFolder()
})
after(() => agent.close())

interface Told {
  readonly caller: string
  readonly taskId: string
  readonly receipt: { readonly index: number; readonly leafHash: string }
}

/** Calls without pause until the gateway is gone; notes every answer that arrived whole. */
async function load(gateway: Gateway, caller: string, n: number, told: Told[]): Promise<void> {
  for (;;) {
    const binding = bindings[n % 2] ?? 'JSONRPC'
    try {
      if (n % 3 === 0) {
        const call = { binding, agent: 'a', operation: 'SendStreamingMessage', params: say('stream 2') } as const
        const stream = await gateway.stream({ ...call, key: gateway.keys[caller] ?? '' })
        const first = await stream.next()
        const task = first?.result['task'] as { id: string } | undefined
        if (task !== undefined) told.push({ caller, taskId: task.id, receipt: receiptOf(stream.response) })
        await stream.rest()
      } else {
        const answer = await gateway.as(caller, { binding, agent: 'a', operation: 'SendMessage', params: say('task') })
        const task = answer.result['task'] as { id: string } | undefined
        assert.ok(task, answer.text)
        told.push({ caller, taskId: task.id, receipt: receiptOf(answer) })
      }
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      return // the connection broke: the gateway is gone
    }
  }
}

test("every answered call survives kill -9, and every task stays its owner's", async () => {
  const told: Told[] = []
  let cut = 0
  let gateway = await startGateway({ agents: { a: agent.url }, callers, home })
  for (let round = 0; round < rounds; round++) {
    const started = told.length
    const workers = Array.from({ length: 16 }, (_, n) => load(gateway, callers[n % 2] ?? 'alice', n, told))
    while (told.length < started + 50) await new Promise(setImmediate)
    await new Promise((resolve) => setTimeout(resolve, randomInt(20, 400)))
    gateway.kill('SIGKILL')
    assert.equal(await gateway.ended, 137)
    await Promise.all(workers)
    gateway.close()
    await verify(gateway.dataDir)
    gateway = await startGateway({ agents: { a: agent.url }, callers, home })
    await assertNothingLost(gateway, told)
    cut += await assertAllCompleted(gateway)
    const last = told.slice(-40)
    assert.ok(last.length > 0)
    await Promise.all(last.map((one) => assertOwned(gateway, one)))
  }
  assert.ok(cut > 0, 'no kill came while a call was open')
  // also when the index of owners is lost and rebuilt from the ledger alone
  await gateway.stop()
  for (const name of ['index.db', 'index.db-wal', 'index.db-shm'])
    await rm(join(gateway.dataDir, name), { force: true })
  gateway = await startGateway({ agents: { a: agent.url }, callers, home })
  const sample = told.filter((_, i) => i % Math.ceil(told.length / 100) === 0)
  await Promise.all(sample.map((one) => assertOwned(gateway, one)))
  await gateway.stop()
})

async function assertNothingLost(gateway: Gateway, told: readonly Told[]): Promise<void> {
  const hashes = new Map((await readRecords(gateway.dataDir)).map((record) => [String(record.index), record.leafHash]))
  for (const { receipt } of told) assert.equal(hashes.get(String(receipt.index)), receipt.leafHash)
}

/** Also of the calls that the kill cut off, and no call twice. Returns how many those were. */
async function assertAllCompleted(gateway: Gateway): Promise<number> {
  const records = (await readRecords(gateway.dataDir)).filter(({ envelope }) => isOperation(envelope.operation))
  const begun = records.filter(({ envelope: { kind, outcome } }) => kind === 'decision' && outcome === 'allowed')
  const ended = records.filter(({ envelope: { kind } }) => kind === 'completion')
  const idsOf = (of: typeof records): string[] => of.map(({ envelope }) => envelope.call).toSorted()
  assert.deepEqual(idsOf(ended), idsOf(begun))
  const cut = ended.filter(({ event }) => event?.['cut'] === true)
  for (const { envelope, event } of cut) {
    const { actor } = begun.find((decision) => decision.envelope.call === envelope.call)?.envelope ?? assert.fail()
    assert.equal(envelope.actor, actor)
    assert.equal(envelope.outcome, 'failed')
    assert.ok(callers.some((caller) => event?.['caller'] === `key:${caller}`))
  }
  return cut.length
}

async function assertOwned(gateway: Gateway, { caller, taskId }: Told): Promise<void> {
  agent.plant(taskId)
  const call = { binding: 'JSONRPC', agent: 'a', operation: 'GetTask', params: { id: taskId } } as const
  const mine = await gateway.as(caller, call)
  assert.equal(mine.result['id'], taskId, `${caller} lost ${taskId}: ${mine.text}`)
  assertRefused(await gateway.as(caller === 'alice' ? 'bob' : 'alice', call), 'AUTHZ_TASK_NOT_FOUND', 'JSONRPC')
}
