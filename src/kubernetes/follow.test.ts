import assert from 'node:assert/strict'
import test from 'node:test'
import { Secret } from '../base/secret.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { createManualClock } from '../base/clock.ts'
import { createDialler } from '../forward/forward.ts'
import { eventually } from '../../test/fakes/eventually.ts'
import { startFakeApi, type FakeApi } from '../../test/fakes/kubernetes-api.ts'
import type { ClusterFault } from './cluster-fault.ts'
import { createConnection } from './connection.ts'
import { objectAt, textAt } from './json-lines.ts'
import { follow, type Following, type FollowOptions } from './follow.ts'

interface Followed {
  readonly api: FakeApi
  readonly clock: ReturnType<typeof createManualClock>
  readonly following: Following
  /** names as the follower knows them now */
  readonly names: Set<string>
  readonly lists: number[]
  readonly faults: ClusterFault[]
  readonly pauses: number[]
  pod(name: string, labels?: Readonly<Record<string, string>>): void
  has(...names: string[]): Promise<void>
  watches(): string[]
  readonly close: () => Promise<void>
}

const pods = '/api/v1/pods'

async function followPods(
  changed: Partial<FollowOptions> & { before?: (api: FakeApi) => void } = {},
): Promise<Followed> {
  const clock = createManualClock()
  const api = await startFakeApi()
  api.applyRbac({
    kind: 'ClusterRole',
    metadata: { name: 'reader' },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] }],
  })
  api.applyRbac({
    kind: 'ClusterRoleBinding',
    metadata: { name: 'reader' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'sallyport', namespace: 'sallyport' }],
  })
  const pod: Followed['pod'] = (name, labels = {}) => {
    const metadata = { name, namespace: 'agents', labels }
    api.store.apply(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] } })
  }
  const { before, ...options } = changed
  before?.(api)
  const dialler = createDialler()
  const token = Secret.ofText(api.gatewayToken)
  const connection = createConnection({
    server: api.url,
    credential: { current: () => ({ token, tls: {}, digest: 'd' }), reread: () => false },
    dialler,
    clock,
    timeoutMs: 2_000,
    concurrency: 4,
  })
  const names = new Set<string>()
  const [lists, faults, pauses]: [number[], ClusterFault[], number[]] = [[], [], []]
  const nameOf = (object: JsonObject): string => textAt(objectAt(object, 'metadata'), 'name') ?? ''
  const following = follow(
    {
      path: '/api/v1/namespaces/agents/pods',
      onList(objects) {
        lists.push(objects.length)
        names.clear()
        for (const object of objects) names.add(nameOf(object))
      },
      onChange: (kind, object) => void (kind === 'DELETED' ? names.delete(nameOf(object)) : names.add(nameOf(object))),
      onProblem: (fault) => void faults.push(fault),
      ...options,
    },
    {
      connection,
      clock,
      random: () => 0.5,
      pause: async (ms) => {
        pauses.push(ms)
        await new Promise(setImmediate)
      },
    },
  )
  return {
    api,
    clock,
    following,
    names,
    lists,
    faults,
    pauses,
    pod,
    has: async (...wanted) => {
      const want = wanted.toSorted().join()
      await eventually(`pods ${want}, not ${[...names].join()}`, () =>
        [...names].toSorted().join() === want ? true : undefined,
      )
    },
    watches: () => api.exchanges.map(({ path }) => path).filter((path) => path.includes('watch=true')),
    close: async () => {
      following.stop()
      connection.release()
      await dialler.close()
      await api.close()
    },
  }
}

const open = (followed: Followed): Promise<true> =>
  eventually('an open watch', () => (followed.api.openWatches > 0 && followed.following.isInStep ? true : undefined))

test('lists, then watches from where the list ended, with bookmarks and an end in four to five minutes', async () => {
  const followed = await followPods()
  try {
    followed.pod('a')
    await open(followed)
    followed.pod('b')
    await followed.has('a', 'b')
    followed.pod('b', { changed: 'yes' })
    followed.api.store.remove(pods, 'a', 'agents')
    await followed.has('b')
    const query = new URL(followed.watches()[0]!, 'http://x').searchParams
    assert.equal(query.get('allowWatchBookmarks'), 'true')
    const seconds = Number(query.get('timeoutSeconds'))
    assert.ok(seconds >= 240 && seconds <= 300)
    assert.deepEqual(followed.faults, [])
    assert.deepEqual(followed.api.problems, [])
  } finally {
    await followed.close()
  }
})

test('objects of other namespaces and labels stay outside', async () => {
  const followed = await followPods({ labelSelector: 'kind=agent' })
  try {
    await open(followed)
    followed.pod('wanted', { kind: 'agent' })
    followed.pod('other', { kind: 'thing' })
    const metadata = { name: 'elsewhere', namespace: 'other', labels: { kind: 'agent' } }
    followed.api.store.apply(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] } })
    await followed.has('wanted')
  } finally {
    await followed.close()
  }
})

test('a large list comes page by page', async () => {
  const followed = await followPods({
    before: (api) => {
      for (let at = 0; at < 1_201; at += 1) {
        const metadata = { name: `pod-${at}`, namespace: 'agents' }
        api.store.apply(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] } })
      }
    },
  })
  try {
    await open(followed)
    assert.deepEqual(followed.lists, [1_201])
    const pages = followed.api.exchanges.filter(({ path }) => path.includes('limit=500'))
    assert.equal(pages.length, 3)
  } finally {
    await followed.close()
  }
})

test('pages that expired while they were read mean a new list', async () => {
  let isCompacted = false
  const followed = await followPods({
    before: (api) => {
      for (let at = 0; at < 600; at += 1) {
        const metadata = { name: `pod-${at}`, namespace: 'agents' }
        api.store.apply(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [] } })
      }
      api.interfere = ({ path }) => {
        if (path.includes('continue=') && !isCompacted) {
          isCompacted = true
          api.store.compact()
        }
        return false
      }
    },
  })
  try {
    await open(followed)
    assert.deepEqual(followed.lists, [600])
    assert.deepEqual(
      followed.faults.map(({ status }) => status),
      [410],
    )
  } finally {
    await followed.close()
  }
})

test('a watch that ended goes on from the last event or bookmark, without a list', async () => {
  const followed = await followPods()
  try {
    await open(followed)
    followed.pod('a')
    await followed.has('a')
    // elsewhere things happen; only the bookmark tells
    followed.api.store.apply('/api/v1/secrets', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } })
    followed.clock.advance(1)
    followed.api.bookmark()
    const bookmarked = String(followed.api.store.version)
    await eventually('the bookmark', () => (followed.following.lastEventAgeMs() === 0 ? true : undefined))
    followed.api.endWatches()
    await eventually('a second watch', () => (followed.watches().length === 2 ? true : undefined))
    followed.pod('b')
    await followed.has('a', 'b')
    assert.equal(followed.lists.length, 1)
    assert.equal(new URL(followed.watches()[1]!, 'http://x').searchParams.get('resourceVersion'), bookmarked)
    assert.deepEqual(followed.faults, [])
  } finally {
    await followed.close()
  }
})

test('a version that is too old means a new list, also where an event says so in mid-watch', async () => {
  const followed = await followPods()
  try {
    await open(followed)
    followed.pod('a')
    await followed.has('a')
    const error = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Expired', code: 410 }
    followed.api.store.remove(pods, 'a', 'agents')
    followed.api.say(`${JSON.stringify({ type: 'ERROR', object: error })}\n`)
    await eventually('a second list', () => (followed.lists.length === 2 ? true : undefined))
    await open(followed)
    assert.deepEqual(
      followed.faults.map(({ status }) => status),
      [410],
    )
    followed.pod('c')
    await followed.has('c')
  } finally {
    await followed.close()
  }
})

test('events that are cut anywhere are put together; those that make no sense end the watch, not the following', async () => {
  const followed = await followPods()
  try {
    await open(followed)
    const object = { metadata: { name: 'ünïcode', resourceVersion: '5000' } }
    const line = Buffer.from(`${JSON.stringify({ type: 'ADDED', object })}\n`)
    for (const byte of line) followed.api.say(Buffer.from([byte]) as unknown as string)
    await followed.has('ünïcode')
    for (const [at, nonsense] of [
      '{"type":"ADDED"}\n',
      '{"type":"MOVED","object":{"metadata":{"resourceVersion":"1"}}}\n',
      '{"type":"ADDED","object":{"metadata":{}}}\n',
      'not json\n',
      '[]\n',
      '{"type":"ADDED","type":"DELETED","object":{}}\n',
    ].entries()) {
      const before = followed.watches().length
      followed.api.say(nonsense)
      await eventually(`a watch after ${nonsense}`, () => (followed.watches().length > before ? true : undefined))
      await open(followed)
      assert.equal(followed.faults.length, at + 1)
      assert.equal(followed.faults.at(-1)?.code, 'GARBAGE')
    }
  } finally {
    await followed.close()
  }
})

test('a line without an end does not fill the memory', async () => {
  const followed = await followPods()
  try {
    await open(followed)
    for (let at = 0; at < 5; at += 1) followed.api.say('x'.repeat(1024 * 1024))
    await eventually('a fault', () => (followed.faults.length > 0 ? true : undefined))
    assert.equal(followed.faults[0]?.code, 'GARBAGE')
  } finally {
    await followed.close()
  }
})

test('failures wait with full jitter that grows to a bound, and Retry-After is obeyed', async () => {
  const followed = await followPods()
  try {
    await open(followed)
    let left = 9
    followed.api.interfere = (_request, response) => {
      if (left === 0) return false
      left -= 1
      response.writeHead(left === 0 ? 429 : 500, left === 0 ? { 'retry-after': '120' } : {}).end()
      return true
    }
    followed.api.breakConnections()
    await eventually('an end of the failures', () => (left === 0 ? true : undefined))
    await open(followed)
    // half of what is allowed: that is what this test's chance says
    assert.deepEqual(followed.pauses.slice(0, 9), [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
    assert.equal(followed.pauses.at(-1), 120_000)
    assert.equal(followed.lists.length, 1)
  } finally {
    await followed.close()
  }
})

test('an API server that ends every watch at once is not asked without a pause', async () => {
  const followed = await followPods()
  try {
    await open(followed)
    followed.api.interfere = ({ path }, response) => {
      if (!path.includes('watch=true') || followed.pauses.length > 3) return false
      response.writeHead(200).end()
      return true
    }
    followed.api.endWatches()
    await eventually('pauses', () => (followed.pauses.length > 3 ? true : undefined))
    assert.deepEqual(followed.pauses.slice(0, 4), [250, 500, 1_000, 2_000])
  } finally {
    await followed.close()
  }
})

test('says how long nothing was heard, for readiness', async () => {
  const followed = await followPods()
  try {
    assert.equal(followed.following.lastEventAgeMs(), Infinity)
    await open(followed)
    assert.equal(followed.following.lastEventAgeMs(), 0)
    followed.clock.advance(90_000)
    assert.equal(followed.following.lastEventAgeMs(), 90_000)
    followed.api.bookmark()
    await eventually('the bookmark', () => (followed.following.lastEventAgeMs() === 0 ? true : undefined))
    followed.api.interfere = (_request, response) => {
      response.writeHead(503).end()
      return true
    }
    followed.api.breakConnections()
    await eventually('out of step', () => (!followed.following.isInStep ? true : undefined))
  } finally {
    await followed.close()
  }
})

test('what nobody may list is told, and asked for again', async () => {
  const followed = await followPods({ before: (api) => api.removeRbac('ClusterRoleBinding', 'reader') })
  try {
    await eventually('refusals', () => (followed.faults.length > 2 ? true : undefined))
    assert.ok(followed.faults.every(({ status }) => status === 403))
    assert.equal(followed.following.isInStep, false)
  } finally {
    await followed.close()
  }
})

test('stops at once, in mid-watch too', async () => {
  const followed = await followPods()
  await open(followed)
  followed.following.stop()
  await eventually('a closed watch', () => (followed.api.openWatches === 0 ? true : undefined))
  assert.equal(followed.following.isInStep, false)
  const asked = followed.api.exchanges.length
  await followed.close()
  assert.equal(followed.api.exchanges.length, asked)
})
