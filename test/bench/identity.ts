// What identity and ownership cost, measured by hand: node test/bench/identity.ts. Prints microseconds of
// processor time per operation: warm and cold authentication with 10 and 10,000 keys, minting, and the ownership index with 10 and
// 100,000 tasks.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { authenticate } from '../../src/authenticate/authenticate.ts'
import { openOwnershipIndex, type OwnershipIndex } from '../../src/store/store.ts'
import { assertionRequest, makeWorld } from '../fakes/identity.ts'

function time(rounds: number, work: (round: number) => unknown): number {
  for (let round = 0; round < rounds / 5; round++) work(-1 - round)
  const began = process.threadCpuUsage()
  for (let round = 0; round < rounds; round++) work(round)
  return usedSince(began) / rounds
}

/** Microseconds of this thread: other processes on the machine do not count. */
function usedSince(began: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(began)
  return user + system
}

const figures: Record<string, number> = {}

async function measureIdentity(): Promise<void> {
  for (const count of [10, 10_000]) {
    const world = makeWorld()
    const keys = Array.from({ length: count }, (_, i) => world.admin.create({ name: `k${i}` }).key)
    const warm = keys.slice(0, 1000).map((key) => ({ authorization: `Bearer ${key}` }))
    const received = warm.map((headers) => world.receive(headers))
    figures[`api key, cold, ${count} keys`] = time(count, (round) =>
      authenticate(world.receive({ authorization: `Bearer ${keys[Math.abs(round) % count]}` }), world.authenticator),
    )
    figures[`api key, warm, ${count} keys`] = time(50_000, (round) =>
      authenticate(received[Math.abs(round) % received.length]!, world.authenticator),
    )
  }
  const world = makeWorld()
  const token = world.token({ email: 'alice@example.com', email_verified: true, groups: ['analysts', 'staff'] })
  await world.bearer(token)
  const received = world.receive({ authorization: `Bearer ${token}` })
  figures['jwt, warm'] = time(50_000, () => authenticate(received, world.authenticator))
  const cold = Array.from({ length: 2000 }, (_, i) => world.token({ jti: String(i) }))
  const began = process.threadCpuUsage()
  for (const one of cold) await world.bearer(one)
  figures['jwt, cold'] = usedSince(began) / cold.length
  const minted = assertionRequest(world)
  figures['assertion, mint'] = time(3000, () => world.signer.mint(minted))
  const { key } = world.admin.create({ name: 'concierge' })
  const agent = world.receive({
    authorization: `Bearer ${key}`,
    'sallyport-caller-assertion': world.signer.mint(minted),
  })
  figures['agent with assertion, warm'] = time(50_000, () => authenticate(agent, world.authenticator))
}

function claimTask(index: OwnershipIndex, number: number, owner: string): void {
  const owned = {
    agent: 'calculator',
    tenant: '',
    owner: { caller: owner, origin: owner },
    groups: [],
    createdAtMs: 1_800_000_000_000 + number,
  }
  const taskId = `0f9d2c1e-7a3b-4c5d-9e8f-${String(number).padStart(12, '0')}`
  index.claim([
    { ...owned, kind: 'task', taskId, contextId: `context-${taskId}` },
    { ...owned, kind: 'context', contextId: `context-${taskId}` },
  ])
}

async function measureOwnership(): Promise<void> {
  for (const count of [10, 100_000]) {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
    const path = join(directory, 'index.db')
    const filled = openOwnershipIndex({ path, schedule: () => {} })
    for (let i = 0; i < count; i++) {
      claimTask(filled, i, 'key:alice')
      if (i % 5000 === 0) await filled.flush()
    }
    await filled.close()
    const index = openOwnershipIndex({ path, schedule: () => {} })
    const owner = { caller: 'key:alice', origin: 'key:alice' }
    const id = (number: number): string => `0f9d2c1e-7a3b-4c5d-9e8f-${String(number).padStart(12, '0')}`
    const samples = Math.min(count, 5000)
    const step = Math.floor(count / samples)
    // warms the code up, and the filter of ids: a page comes after it
    index.task('calculator', '', id(1))
    await index.list('calculator', '', owner, { limit: 10 })
    const began = process.threadCpuUsage()
    for (let i = 0; i < samples; i++) index.task('calculator', '', id(i * step))
    figures[`task lookup, cold, ${count} tasks`] = usedSince(began) / samples
    figures[`task lookup, warm, ${count} tasks`] = time(50_000, (round) =>
      index.task('calculator', '', id((Math.abs(round) % samples) * step)),
    )
    figures[`task lookup, missing, ${count} tasks`] = time(5000, (round) =>
      index.task('calculator', '', id(10_000_000 + round)),
    )
    let next = 20_000_000
    for (let i = 0; i < 2000; i++) claimTask(index, next++, 'key:bob')
    await index.flush()
    const [all, main] = [process.cpuUsage(), process.threadCpuUsage()]
    for (let i = 0; i < 10_000; i++) {
      claimTask(index, next++, 'key:bob')
      if (i % 100 === 99) await new Promise(setImmediate)
    }
    await index.flush()
    const onMain = usedSince(main)
    const { user, system } = process.cpuUsage(all)
    figures[`claim of a task and its context, event loop, ${count} tasks`] = onMain / 10_000
    figures[`claim of a task and its context, other threads, ${count} tasks`] = (user + system - onMain) / 10_000
    const page = async (name: string, filter: object): Promise<void> => {
      const before = process.cpuUsage()
      for (let i = 0; i < 500; i++) await index.list('calculator', '', owner, { limit: 10, ...filter })
      const used = process.cpuUsage(before)
      figures[`page of ${name}, all threads, ${count} tasks`] = (used.user + used.system) / 500
    }
    await page('10', {})
    await page('10 by state', { status: '' })
    await page('one context', { contextId: `context-${id(3)}` })
    await index.close()
    rmSync(directory, { recursive: true })
  }
}

await measureIdentity()
await measureOwnership()
for (const [name, microseconds] of Object.entries(figures))
  process.stdout.write(`${name.padEnd(65)} ${microseconds.toFixed(2).padStart(9)} µs\n`)
