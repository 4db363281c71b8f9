import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import test from 'node:test'
import { createManualClock, systemClock } from '../base/clock.ts'
import { createDialler } from '../forward/forward.ts'
import { replayExchanges } from '../../test/fakes/kubernetes-api.ts'
import { ClusterFault, connectCluster } from './kubernetes.ts'
import { connectFakeCluster } from './fake-cluster.ts'

const question = {
  user: 'alice',
  groups: ['analysts'],
  resourceAttributes: { group: 'agents.sallyport.dev', resource: 'agents', name: 'a', namespace: 'n', verb: 'send' },
}
const isFault =
  (code: string, status = 0) =>
  (error: unknown): boolean =>
    error instanceof ClusterFault && error.code === code && error.status === status

test('a token of a pod is reviewed for our audience, and the answer is that of the API server', async () => {
  const { api, cluster, close } = await connectFakeCluster()
  try {
    const { uid, token } = api.runPod({
      namespace: 'team-a',
      name: 'planner-0',
      account: 'planner',
      audience: 'sallyport',
    })
    const status = await cluster.reviewToken(token, ['sallyport'])
    assert.equal(status['authenticated'], true)
    assert.deepEqual(status['audiences'], ['sallyport'])
    assert.match(JSON.stringify(status), new RegExp(uid))
    const [exchange] = api.exchanges
    assert.deepEqual(JSON.parse(exchange!.body), {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      metadata: {},
      spec: { token, audiences: ['sallyport'] },
    })
    assert.equal((await cluster.reviewToken(token, ['others']))['authenticated'], undefined)
    api.deletePod('team-a', 'planner-0')
    assert.equal((await cluster.reviewToken(token, ['sallyport']))['authenticated'], undefined)
    assert.deepEqual(api.problems, [])
    assert.equal(cluster.counts().tokenReviews, 3)
  } finally {
    await close()
  }
})

test('access is reviewed by real roles and bindings', async () => {
  const { api, cluster, close } = await connectFakeCluster()
  try {
    assert.deepEqual(await cluster.reviewAccess(question), { allowed: false })
    const rules = [
      { apiGroups: ['agents.sallyport.dev'], resources: ['agents'], resourceNames: ['a'], verbs: ['send'] },
    ]
    api.applyRbac({ kind: 'Role', metadata: { name: 'caller', namespace: 'n' }, rules })
    api.applyRbac({
      kind: 'RoleBinding',
      metadata: { name: 'analysts', namespace: 'n' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'caller' },
      subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'analysts' }],
    })
    assert.equal((await cluster.reviewAccess(question))['allowed'], true)
    const other = { ...question, resourceAttributes: { ...question.resourceAttributes, name: 'b' } }
    assert.equal((await cluster.reviewAccess(other))['allowed'], false)
    assert.deepEqual(api.problems, [])
  } finally {
    await close()
  }
})

test('what was recorded can be replayed byte for byte, and says the same', async () => {
  const { api, cluster, close } = await connectFakeCluster()
  const { token } = api.runPod({ namespace: 'team-a', name: 'p', account: 'planner', audience: 'sallyport' })
  const ask = async (of: typeof cluster): Promise<unknown[]> => [
    await of.reviewToken(token, ['sallyport']),
    await of.reviewAccess(question),
  ]
  const first = await ask(cluster)
  await close()
  const replay = await replayExchanges(api.exchanges)
  const dialler = createDialler()
  const again = connectCluster({
    name: 'prod',
    server: replay.url,
    references: {},
    resolve: () => assert.fail('nothing to resolve'),
    dialler,
    clock: createManualClock(),
    timeoutMs: 2_000,
    concurrency: 1,
    random: () => 0,
  })
  assert.deepEqual(await ask(again), first)
  assert.deepEqual(replay.missed, [])
  await assert.rejects(again.reviewAccess(question), isFault('STATUS', 500))
  assert.equal(replay.missed.length, 1)
  again.release()
  await dialler.close()
  await replay.close()
})

test('every answer that is none is a fault: statuses, redirects, garbage, another kind, silence', async () => {
  const { api, cluster, close } = await connectFakeCluster({ timeoutMs: 150, clock: systemClock })
  const answers: [string, string, number, (response: ServerResponse) => void][] = [
    ['500', 'STATUS', 500, (response) => response.writeHead(500).end('{"status":{"authenticated":true}}')],
    ['redirect', 'STATUS', 307, (response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
    ['204', 'STATUS', 204, (response) => response.writeHead(204).end()],
    ['no JSON', 'GARBAGE', 0, (response) => response.writeHead(201).end('<html>')],
    ['a list', 'GARBAGE', 0, (response) => response.writeHead(201).end('[]')],
    ['another kind', 'GARBAGE', 0, (response) => response.writeHead(201).end(review('SubjectAccessReview'))],
    ['no status', 'GARBAGE', 0, (response) => response.writeHead(201).end(review('TokenReview', ''))],
    [
      'status twice',
      'GARBAGE',
      0,
      (response) => response.writeHead(201).end(review('TokenReview', ',"status":{},"status":{}')),
    ],
    ['too large', 'GARBAGE', 0, (response) => response.writeHead(201).end(Buffer.alloc(1024 * 1024 + 1, 0x20))],
    ['compressed', 'GARBAGE', 0, (response) => response.writeHead(201, { 'content-encoding': 'gzip' }).end('x')],
    ['broken off', 'UNREACHABLE', 0, (response) => response.destroy()],
    ['silence', 'TIMEOUT', 0, () => undefined],
  ]
  try {
    for (const [name, code, status, answer] of answers) {
      api.interfere = (_request, response) => {
        answer(response)
        return true
      }
      await assert.rejects(cluster.reviewToken('t', ['a']), isFault(code, status), name)
    }
    assert.equal(cluster.counts().failures, answers.length)
    assert.notEqual(cluster.counts().lastProblem, undefined)
  } finally {
    await close()
  }
})

function review(kind: string, status = ',"status":{"authenticated":true}'): string {
  const apiVersion = kind === 'TokenReview' ? 'authentication.k8s.io/v1' : 'authorization.k8s.io/v1'
  return `{"kind":"${kind}","apiVersion":"${apiVersion}"${status}}`
}

test('a token of ours that was rotated in its file is found when the old one is refused, and at once', async () => {
  const { api, cluster, files, close } = await connectFakeCluster()
  try {
    files.set('file:token', 'old-token')
    await assert.rejects(cluster.reviewAccess(question), isFault('STATUS', 401))
    files.set('file:token', api.gatewayToken)
    assert.deepEqual(await cluster.reviewAccess(question), { allowed: false })
  } finally {
    await close()
  }
})

test('a rotated file is taken up within a minute without being refused first', async () => {
  const clock = createManualClock()
  const { api, cluster, files, close } = await connectFakeCluster({ clock })
  const used = new Set<string>()
  api.interfere = (_request, _response, incoming) => {
    used.add(String(incoming.headers.authorization))
    return false
  }
  try {
    await cluster.reviewAccess(question)
    const second = api.tokens.issue({
      namespace: 'sallyport',
      account: 'sallyport',
      audiences: ['https://kubernetes.default.svc'],
    })
    files.set('file:token', second)
    await cluster.reviewAccess(question)
    assert.equal(used.size, 1)
    clock.advance(60_000)
    await cluster.reviewAccess(question)
    assert.ok(used.has(`Bearer ${second}`))
    // in the middle of a swap the file may be away: what we have still does
    files.delete('file:token')
    clock.advance(60_000)
    await cluster.reviewAccess(question)
  } finally {
    await close()
  }
})

test('a gateway without the right to review is told so, and that is a fault', async () => {
  const { api, cluster, close } = await connectFakeCluster()
  try {
    api.removeRbac('ClusterRoleBinding', 'sallyport')
    await assert.rejects(cluster.reviewToken('t', ['a']), (error) => {
      assert.ok(error instanceof ClusterFault)
      assert.equal(error.status, 403)
      assert.match(error.message, /tokenreviews/)
      return true
    })
  } finally {
    await close()
  }
})

test('429 is asked once more when the API server asks for a short wait only', async () => {
  const { api, cluster, close } = await connectFakeCluster()
  let refused = 0
  const slowDown = (retryAfter: string) => (_request: unknown, response: ServerResponse) => {
    if (refused++ > 0) return false
    response.writeHead(429, { 'retry-after': retryAfter }).end()
    return true
  }
  try {
    api.interfere = slowDown('0')
    assert.deepEqual(await cluster.reviewAccess(question), { allowed: false })
    refused = 0
    api.interfere = slowDown('30')
    await assert.rejects(cluster.reviewAccess(question), (error) => {
      assert.ok(error instanceof ClusterFault)
      assert.deepEqual([error.status, error.retryAfterMs], [429, 30_000])
      return true
    })
    assert.equal(refused, 1)
  } finally {
    await close()
  }
})

test('an API server that answers slowly is not asked more than so much at once, and nobody waits for ever', async () => {
  const { api, cluster, close } = await connectFakeCluster({ concurrency: 2, timeoutMs: 300, clock: systemClock })
  let atOnce = 0
  let most = 0
  api.interfere = (_request, response) => {
    most = Math.max(most, ++atOnce)
    response.on('close', () => (atOnce -= 1))
    return true
  }
  try {
    const asked = await Promise.allSettled(Array.from({ length: 600 }, () => cluster.reviewAccess(question)))
    assert.ok(asked.every(({ status }) => status === 'rejected'))
    const codes = asked.map((each) => (each.status === 'rejected' ? (each.reason as ClusterFault).code : ''))
    assert.ok(codes.includes('BUSY') && codes.includes('TIMEOUT'))
    assert.ok(most <= 2, `${most} at once`)
  } finally {
    await close()
  }
})

test('an API server whose certificate another authority signed is not asked', async () => {
  const pem = (name: string): string => readFileSync(join(import.meta.dirname, '../../test/fixtures/tls', name), 'utf8')
  for (const [ca, isTrusted] of [
    ['ca.crt', true],
    ['stranger.crt', false],
  ] as const) {
    const connected = await connectFakeCluster({
      api: { tls: true },
      references: { token: 'file:token', ca: 'file:ca' },
    })
    connected.files.set('file:ca', pem(ca))
    try {
      if (isTrusted) assert.deepEqual(await connected.cluster.reviewAccess(question), { allowed: false })
      else await assert.rejects(connected.cluster.reviewAccess(question), isFault('UNREACHABLE'))
      assert.equal(connected.api.accessReviews, isTrusted ? 1 : 0)
    } finally {
      await connected.close()
    }
  }
})

test('without a credential that can be read nothing is asked', async () => {
  const { api, cluster, files, close } = await connectFakeCluster()
  try {
    for (const content of [undefined, 'two\nlines', 'white space']) {
      if (content === undefined) files.delete('file:token')
      else files.set('file:token', content)
      await assert.rejects(cluster.reviewAccess(question), isFault('CREDENTIAL'))
    }
    assert.equal(api.exchanges.length, 0)
  } finally {
    await close()
  }
})

test('a cluster that was let go answers nothing more', async () => {
  const { cluster, close } = await connectFakeCluster()
  cluster.release()
  await assert.rejects(cluster.reviewAccess(question), isFault('UNREACHABLE'))
  await close()
})

test('the keys of a cluster need a right of their own', async () => {
  const { api, cluster, close } = await connectFakeCluster()
  try {
    await assert.rejects(cluster.keySet(), isFault('STATUS', 403))
    const rules = [{ nonResourceURLs: ['/openid/v1/jwks'], verbs: ['get'] }]
    api.applyRbac({ kind: 'ClusterRole', metadata: { name: 'system:service-account-issuer-discovery' }, rules })
    api.applyRbac({
      kind: 'ClusterRoleBinding',
      metadata: { name: 'discovery' },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'ClusterRole',
        name: 'system:service-account-issuer-discovery',
      },
      subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:serviceaccounts' }],
    })
    assert.deepEqual(JSON.parse((await cluster.keySet()).toString()), api.tokens.jwks())
  } finally {
    await close()
  }
})
