// The note of open calls: whole or not there, never ahead of the ledger, bounded, and quiet when nothing changed.

import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { mock, test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { nodeFiles, type FileSystem } from './files.ts'
import {
  createOpenCalls,
  formatOpenCalls,
  isCallOpened,
  maxOpenCalls,
  parseOpenCalls,
  type OpenCalls,
} from './open-calls.ts'

const origin = 'sallyport.local/5a11e001'

interface World {
  readonly path: string
  readonly open: OpenCalls
  size: number
  works: boolean
  writes: number
  /** a write is on its way */
  begun: boolean
  nextWrite(): Promise<void>
}

function make(): World {
  const path = join(temporaryFolder(), 'open-calls')
  let told: () => void = () => undefined
  const fs: FileSystem = {
    ...nodeFiles,
    open(file, mode) {
      world.begun = true
      return nodeFiles.open(file, mode)
    },
    async rename(from, to) {
      if (!world.works) throw new Error('EIO')
      await nodeFiles.rename(from, to)
      world.writes += 1
      world.begun = false
      told()
    },
  }
  const open = createOpenCalls({ path, origin, logSize: () => world.size, fs })
  const nextWrite = (): Promise<void> => new Promise((resolve) => (told = resolve))
  const world: World = { path, open, nextWrite, size: 10, works: true, writes: 0, begun: false }
  return world
}

const read = ({ path }: World): ReturnType<typeof parseOpenCalls> => parseOpenCalls(readFileSync(path))

test('an orderly end leaves a file that names no call', async () => {
  const world = make()
  world.open.began('c1', 3)
  world.open.ended('c1')
  await world.open.close()
  assert.deepEqual(read(world), { origin, size: 10, calls: new Map(), folds: [] })
  assert.equal(statSync(world.path).mode & 0o777, 0o600)
})

test('what is open is written at the next beat, and only when it changed', async () => {
  mock.timers.enable({ apis: ['setInterval'] })
  const world = make()
  const beat = (): Promise<void> => {
    const written = world.nextWrite()
    mock.timers.tick(5_000)
    // what has nothing to do has not even begun by then
    const idle = new Promise<void>((resolve) => setImmediate(() => (world.begun ? undefined : resolve())))
    return Promise.race([written, idle])
  }
  await beat()
  assert.equal(world.writes, 0)
  world.open.began('c1', 3)
  world.open.began('c2', 4)
  world.open.ended('c1')
  await beat()
  assert.deepEqual(read(world)?.calls, new Map([['c2', 4]]))
  await beat()
  assert.equal(world.writes, 1)
  mock.timers.reset()
  await world.open.close()
})

test('a disk that fails is asked again, and what was written before stands', async () => {
  const world = make()
  world.open.began('c1', 3)
  world.works = false
  await assert.rejects(world.open.close())
  world.works = true
  await world.open.close()
  assert.deepEqual(read(world)?.calls, new Map([['c1', 3]]))
})

test('beyond the bound the older file stands, so that the ledger is read again from there', async () => {
  const world = make()
  world.open.began('c0', 0)
  await world.open.close()
  for (let count = 1; count <= maxOpenCalls; count += 1) world.open.began(`c${count}`, 9)
  world.size = 200_000
  await world.open.close()
  assert.deepEqual(read(world), { origin, size: 10, calls: new Map([['c0', 0]]), folds: [] })
})

test('a file that is torn, or says what cannot be, is no file', () => {
  const whole = formatOpenCalls({ origin, size: 10, calls: new Map([['c1', 3]]), folds: [] })
  assert.deepEqual(parseOpenCalls(Buffer.from(whole)), { origin, size: 10, calls: new Map([['c1', 3]]), folds: [] })
  for (let length = 0; length < whole.length - 1; length += 1)
    assert.equal(parseOpenCalls(Buffer.from(whole.slice(0, length))), undefined)
  for (const text of [
    'null',
    '[]',
    '{}',
    '{"v":2,"origin":"o","size":1,"calls":{}}',
    '{"v":1,"origin":1,"size":1,"calls":{}}',
    '{"v":1,"origin":"o","size":-1,"calls":{}}',
    '{"v":1,"origin":"o","size":1.5,"calls":{}}',
    '{"v":1,"origin":"o","size":1,"calls":[]}',
    '{"v":1,"origin":"o","size":1,"calls":{"c":1}}',
    '{"v":1,"origin":"o","size":1,"calls":{"c":"0"}}',
    `{"v":1,"origin":"o","size":1,"calls":{"${'c'.repeat(300)}":0}}`,
  ])
    assert.equal(parseOpenCalls(Buffer.from(text)), undefined, text)
  assert.equal(parseOpenCalls(undefined), undefined)
})

test('only an allowed operation opens a call: discovery and refusals end where they begin', () => {
  const record = { kind: 'decision', outcome: 'allowed', operation: 'SendMessage' } as const
  assert.equal(isCallOpened(record), true)
  assert.equal(isCallOpened({ ...record, outcome: 'refused' }), false)
  assert.equal(isCallOpened({ ...record, kind: 'completion' }), false)
  assert.equal(isCallOpened({ ...record, operation: 'GetAgentCard' }), false)
  assert.equal(isCallOpened({ ...record, operation: 'ListAgents' }), false)
  assert.equal(isCallOpened({ ...record, operation: '' }), false)
})
