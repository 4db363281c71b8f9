import assert from 'node:assert/strict'
import test from 'node:test'
import { snapshotOf } from '../../test/fakes/walk.ts'
import { createOpenWalks } from './open-walks.ts'

interface Walk {
  readonly walking: Promise<void>
  readonly end: () => void
  readonly fail: (error: Error) => void
}

function begin(): Walk {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  return { walking: promise, end: resolve, fail: reject }
}
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

test('says that a snapshot is idle when the last of its own walks has ended, also by an error', async () => {
  const open = createOpenWalks()
  const [old, current] = [snapshotOf(), snapshotOf()]
  const [one, two, other] = [begin(), begin(), begin()]
  open.follow(one.walking, old)
  open.follow(two.walking, old)
  open.follow(other.walking, current)
  let idle = 0
  open.whenIdle(old, () => (idle += 1))
  one.end()
  await turn()
  assert.equal(idle, 0)
  two.fail(new Error('a bug'))
  await turn()
  assert.equal(idle, 1)
  other.end()
  await turn()
  assert.equal(idle, 1)
})

test('a snapshot without walks is idle at once', () => {
  let idle = 0
  createOpenWalks().whenIdle(snapshotOf(), () => (idle += 1))
  assert.equal(idle, 1)
})

test('is settled when nothing is left, whatever it began with', async () => {
  const open = createOpenWalks()
  await open.settled()
  const [one, two] = [begin(), begin()]
  open.follow(one.walking, snapshotOf())
  open.follow(two.walking)
  let isSettled = false
  const settled = open.settled().then(() => (isSettled = true))
  one.end()
  await turn()
  assert.equal(isSettled, false)
  two.end()
  await settled
})
