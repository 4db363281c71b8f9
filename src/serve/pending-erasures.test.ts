// Requests that wait name whom they are about, so they go out of the file when they have expired, whoever looks at it
// next; and one that was answered survives a power cut.

import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { nodeFiles } from '../audit/audit.ts'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import { createPendingErasures, type PendingErasure, type PendingErasures } from './pending-erasures.ts'
import { home, open } from './fake-state.ts'

const request = { subject: 'user:corp/4f1c', reason: 'asked', requestedBy: 'key:anna', credential: 'k1' }
const weekMs = 7 * 86_400_000

interface Rig {
  readonly path: string
  readonly clock: ManualClock
  readonly pending: PendingErasures
  add(subject?: string): Promise<PendingErasure>
  names(subject?: string): boolean
}

function rig(): Rig {
  const path = join(temporaryFolder(), 'erasures.json')
  const clock = createManualClock()
  const pending = createPendingErasures(path, clock)
  return {
    path,
    clock,
    pending,
    add: async (subject = request.subject) => (await pending.add({ ...request, subject })) ?? assert.fail(),
    names: (subject = request.subject) => readFileSync(path, 'utf8').includes(subject),
  }
}

const looks: Record<string, (pending: PendingErasures) => Promise<unknown>> = {
  'finding one': (pending) => pending.find('another'),
  'removing one': (pending) => pending.remove('another'),
  'adding one': (pending) => pending.add({ ...request, subject: 'key:other' }),
  'looking through them': (pending) => pending.sweep(),
}
for (const [what, look] of Object.entries(looks)) {
  test(`${what} takes those out of the file that have expired, and no others`, async () => {
    const made = rig()
    const old = await made.add()
    made.clock.advance(weekMs - 1)
    const young = await made.add('user:corp/young')
    await look(made.pending)
    assert.ok(made.names())
    made.clock.advance(1)
    await look(made.pending)
    assert.equal(made.names(), false)
    assert.ok(made.names('user:corp/young'))
    assert.equal(await made.pending.find(old.id), undefined)
    assert.deepEqual(await made.pending.find(young.id), young)
  })
}

test('what a crash left beside the file goes too, and where there is nothing nothing is made', async () => {
  const { path, pending } = rig()
  await pending.sweep()
  assert.equal(existsSync(path), false)
  writeFileSync(`${path}.tmp`, JSON.stringify({ erasures: [request] }))
  await pending.sweep()
  assert.equal(existsSync(`${path}.tmp`), false)
})

test('adding and removing last: the folder is synced after the file has its name', async () => {
  const path = join(temporaryFolder(), 'erasures.json')
  const acts: string[] = []
  const pending = createPendingErasures(path, createManualClock(), {
    ...nodeFiles,
    rename: async (from, to) => {
      acts.push(`rename ${to}`)
      await nodeFiles.rename(from, to)
    },
    syncFolder: async (folder) => {
      acts.push(`sync ${folder}`)
      await nodeFiles.syncFolder(folder)
    },
  })
  const added = await pending.add(request)
  await pending.remove(added?.id ?? '')
  const once = [`rename ${path}`, `sync ${dirname(path)}`]
  assert.deepEqual(acts, [...once, ...once])
})

test('a list that cannot be read is a fault, and is left as it is', async () => {
  const { path, pending } = rig()
  writeFileSync(path, '{"erasures": [{}]}')
  for (const look of Object.values(looks)) await assert.rejects(look(pending), Fault)
  assert.equal(readFileSync(path, 'utf8'), '{"erasures": [{}]}')
})

test('the gateway looks through them when it starts, and starts though they cannot be read', async () => {
  const dataDir = home()
  await (await open(dataDir)).close()
  const path = join(dataDir, 'erasures.json')
  writeFileSync(path, JSON.stringify({ erasures: [{ ...request, id: '1', expiresAtMs: 1 }] }))
  await (await open(dataDir, 'cli')).close()
  assert.ok(readFileSync(path, 'utf8').includes(request.subject))
  await (await open(dataDir)).close()
  assert.equal(readFileSync(path, 'utf8').includes(request.subject), false)
  writeFileSync(path, 'no list')
  await (await open(dataDir)).close()
  assert.equal(readFileSync(path, 'utf8'), 'no list')
})
