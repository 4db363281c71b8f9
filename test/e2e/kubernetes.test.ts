// A running gateway, two clusters with API servers over TLS, and pods that call with their projected tokens: who they
// are, what their cluster's RBAC lets them do beside our own policy, and how soon both are over when they are.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startFakeApi, type FakeApi } from '../fakes/kubernetes-api.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { say, type Answer, type EventStream } from './client.ts'
import { assertRefused, eventually, startGateway, type Gateway } from './harness.ts'

const audience = 'https://agents.example.com'
const ca = readFileSync(join(import.meta.dirname, '../fixtures/tls/ca.crt'), 'utf8')
let agent: HostileAgent
let prod: FakeApi
let stage: FakeApi
/** proven by its keys alone */
let lab: FakeApi
let gateway: Gateway

before(async () => {
  ;[agent, prod, stage, lab] = await Promise.all([
    startHostileAgent(),
    startFakeApi({ tls: true, issuer: 'https://prod.example.com' }),
    startFakeApi({ tls: true, issuer: 'https://stage.example.com' }),
    startFakeApi({ tls: true, issuer: 'https://lab.example.com' }),
  ])
  const cluster = (name: string, api: FakeApi) => ({
    name,
    issuer: api.tokens.issuer,
    audience,
    server: api.url,
    ca: 'file:ca.crt',
    token: `file:${name}-token`,
    timeout: '1s',
  })
  gateway = await startGateway({
    agents: { plain: agent.url, guarded: { url: agent.url, namespace: 'agents' } },
    kubernetes: [cluster('prod', prod), cluster('stage', stage), { ...cluster('lab', lab), mode: 'jwks' }],
    files: {
      'ca.crt': ca,
      'prod-token': prod.gatewayToken,
      'stage-token': stage.gatewayToken,
      'lab-token': lab.gatewayToken,
    },
    policy: {
      authorizer: 'kubernetes',
      kubernetes: { cluster: 'prod', namespace: 'plain' },
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [
        {
          role: 'user',
          callers: [
            'key:alice',
            'group:prod/system:serviceaccounts:team-a',
            'serviceaccount:stage/team-a/planner',
            'serviceaccount:lab/team-a/planner',
          ],
        },
      ],
    },
  })
  const rules = [{ apiGroups: ['agents.sallyport.dev'], resources: ['agents'], verbs: ['send', 'stream'] }]
  prod.applyRbac({ kind: 'ClusterRole', metadata: { name: 'agent-caller' }, rules })
})

after(async () => {
  await gateway.stop()
  await Promise.all([agent.close(), prod.close(), stage.close(), lab.close()])
  assert.deepEqual([...prod.problems, ...stage.problems, ...lab.problems], [])
})

type Subject = { readonly kind: string; readonly name: string; readonly namespace?: string; readonly apiGroup?: string }

/** `kubectl create rolebinding NAME --clusterrole=agent-caller -n NAMESPACE …` */
function bind(name: string, namespace: string, subject: Subject): void {
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'agent-caller' }
  prod.applyRbac({ kind: 'RoleBinding', metadata: { name, namespace }, roleRef, subjects: [subject] })
}
const planner: Subject = { kind: 'ServiceAccount', name: 'planner', namespace: 'team-a' }

function podOf(api: FakeApi, name: string, account = 'planner', namespace = 'team-a'): { uid: string; token: string } {
  return api.runPod({ namespace, name, account, audience })
}
const call = (token: string, to = 'guarded', text = 'message hi'): Promise<Answer> =>
  gateway.call({ binding: 'JSONRPC', agent: to, operation: 'SendMessage', params: say(text), key: token })
const open = (token: string, text: string): Promise<EventStream> => {
  const params = say(`stream-held ${text}`)
  return gateway.stream({ binding: 'JSONRPC', agent: 'guarded', operation: 'SendStreamingMessage', params, key: token })
}
/** the last event of a stream, and how long it took to come */
async function endOf(stream: EventStream): Promise<{ text: string; ms: number }> {
  const begun = performance.now()
  let text = ''
  for (let event = await stream.next(); event !== undefined; event = await stream.next()) text = JSON.stringify(event)
  return { text, ms: performance.now() - begun }
}

test('a pod calls by its token when a rolebinding says so; the record names pod and token; the agent never sees it', async () => {
  const { uid, token } = podOf(prod, 'planner-0')
  assertRefused(await call(token), 'AUTHZ_DENIED', 'JSONRPC')
  bind('planner', 'agents', planner)
  const answer = await eventually('a permission', async () => {
    const given = await call(token)
    return given.status === 200 ? given : undefined
  })
  const { event } = await gateway.recordOf(answer)
  assert.equal(event?.['caller'], 'serviceaccount:prod/team-a/planner')
  assert.equal(event?.['authentication'], 'service-account')
  assert.equal(event?.['credential'], 'prod')
  const evidence = event?.['evidence'] as Record<string, string>
  assert.equal(evidence['podUid'], uid)
  assert.equal(evidence['podName'], 'planner-0')
  assert.match(evidence['credentialId'] ?? '', /^JTI=/)
  assert.ok(!JSON.stringify(agent.seen).includes(token))
  assert.ok(!gateway.log().includes(token))
  // the namespace of the other agent has no such rolebinding
  assertRefused(await call(token, 'plain'), 'AUTHZ_DENIED', 'JSONRPC')
})

test('callers of another kind need a rolebinding under their prefixed name', async () => {
  const alice = gateway.keys['alice'] ?? ''
  assertRefused(await call(alice), 'AUTHZ_DENIED', 'JSONRPC')
  bind('alice', 'agents', { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'sallyport:key:alice' })
  await eventually('a permission', async () => ((await call(alice)).status === 200 ? true : undefined))
})

test('an account of the same name in another cluster is another one', async () => {
  const { token } = podOf(stage, 'planner-0')
  bind('planner', 'agents', planner)
  assertRefused(await call(token), 'AUTHZ_DENIED', 'JSONRPC')
  bind('staged', 'agents', {
    kind: 'User',
    apiGroup: 'rbac.authorization.k8s.io',
    name: 'sallyport:serviceaccount:stage/team-a/planner',
  })
  await eventually('a permission', async () => ((await call(token)).status === 200 ? true : undefined))
})

test('whom our own policy does not know finds no agent, whatever RBAC says', async () => {
  bind('everyone', 'agents', { kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:serviceaccounts' })
  const { token } = podOf(prod, 'stranger', 'stranger', 'team-b')
  assertRefused(await call(token), 'ROUTE_AGENT_UNKNOWN', 'JSONRPC')
  prod.removeRbac('RoleBinding', 'everyone', 'agents')
})

test('tokens for other ears, of deleted pods and of nobody are refused alike', async () => {
  const forOthers = prod.tokens.issue({ namespace: 'team-a', account: 'planner', audiences: ['https://vault'] })
  const forTheServer = prod.gatewayToken
  const { token } = podOf(prod, 'short')
  prod.deletePod('team-a', 'short')
  const forged = `${token.slice(0, -6)}AAAAAA`
  const asked = prod.tokenReviews
  for (const wrong of [forOthers, forTheServer]) assertRefused(await call(wrong), 'AUTHN_INVALID', 'JSONRPC')
  assert.equal(prod.tokenReviews, asked)
  for (const wrong of [token, forged]) assertRefused(await call(wrong), 'AUTHN_INVALID', 'JSONRPC')
})

test('a deleted pod’s open stream ends within ten seconds', async () => {
  bind('planner', 'agents', planner)
  const { token } = podOf(prod, 'streaming')
  const stream = await open(token, 'deleted')
  await stream.next()
  prod.deletePod('team-a', 'streaming')
  const { text, ms } = await endOf(stream)
  assert.match(text, /-32040/)
  assert.ok(ms < 10_000, `${ms} ms`)
})

test('a removed rolebinding ends an open stream within ten seconds', async () => {
  bind('planner', 'agents', planner)
  const { token } = podOf(prod, 'bound')
  const stream = await open(token, 'unbound')
  await stream.next()
  prod.removeRbac('RoleBinding', 'planner', 'agents')
  const { text, ms } = await endOf(stream)
  assert.match(text, /-32041/)
  assert.ok(ms < 10_000, `${ms} ms`)
})

test('an API server that fails lets nobody new in, is asked again at once, and shows in metrics', async () => {
  bind('planner', 'agents', planner)
  const { token } = podOf(prod, 'during-an-outage')
  for (const answer of [500, 302, 0] as const) {
    prod.interfere = (_request, response) => {
      if (answer === 0) response.destroy()
      else response.writeHead(answer, { location: 'https://127.0.0.1:1/' }).end('{"status":{"authenticated":true}}')
      return true
    }
    assertRefused(await call(token), 'AUTHN_INVALID', 'JSONRPC')
  }
  prod.interfere = undefined
  await eventually('a permission', async () => ((await call(token)).status === 200 ? true : undefined))
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  assert.match(metrics, /sallyport_kubernetes_local_jwks\{cluster="prod"\} 0/)
  const failures = Number(/sallyport_kubernetes_failures_total\{cluster="prod"\} (\d+)/.exec(metrics)?.[1])
  assert.ok(failures >= 3, String(failures))
})

test('mode jwks proves by the keys of the cluster, does not see that a pod is gone, and says so in metrics and log', async () => {
  const { token } = podOf(lab, 'planner-0')
  // the keys need a right of their own
  assertRefused(await call(token), 'AUTHN_INVALID', 'JSONRPC')
  const rules = [{ nonResourceURLs: ['/openid/v1/jwks'], verbs: ['get'] }]
  lab.applyRbac({ kind: 'ClusterRole', metadata: { name: 'system:service-account-issuer-discovery' }, rules })
  lab.applyRbac({
    kind: 'ClusterRoleBinding',
    metadata: { name: 'discovery' },
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: 'system:service-account-issuer-discovery',
    },
    subjects: [{ kind: 'ServiceAccount', name: 'sallyport', namespace: 'sallyport' }],
  })
  bind('lab', 'agents', {
    kind: 'User',
    apiGroup: 'rbac.authorization.k8s.io',
    name: 'sallyport:serviceaccount:lab/team-a/planner',
  })
  const isAllowed = async (): Promise<true | undefined> => ((await call(token)).status === 200 ? true : undefined)
  await eventually('the keys', isAllowed, 10_000)
  lab.deletePod('team-a', 'planner-0')
  await eventually('no difference', isAllowed)
  assert.equal(lab.tokenReviews, 0)
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  assert.match(metrics, /sallyport_kubernetes_local_jwks\{cluster="lab"\} 1/)
  assert.match(gateway.log(), /mode jwks: tokens of deleted pods/)
})

test('a reload takes a cluster away with its callers and their streams, and brings it back', async () => {
  bind('planner', 'agents', planner)
  const { token } = podOf(prod, 'reloaded')
  await eventually('a permission', async () => ((await call(token)).status === 200 ? true : undefined))
  const stream = await open(token, 'reloaded')
  await stream.next()
  const written = JSON.parse(readFileSync(gateway.configFile, 'utf8')) as {
    identity: { kubernetes: { name: string }[] }
    policy: Record<string, unknown>
  }
  const others = written.identity.kubernetes.filter(({ name }) => name !== 'prod')
  const { authorizer: _, kubernetes: __, ...policy } = written.policy
  const without = { ...written, identity: { ...written.identity, kubernetes: others }, policy }
  writeFileSync(gateway.configFile, JSON.stringify(without))
  const { text, ms } = await endOf(stream)
  assert.match(text, /-32041/)
  assert.ok(ms < 5_000, `${ms} ms`)
  // by now this address has shown so many tokens that prove nothing that it is told to wait
  const { status } = await call(token)
  assert.ok(status === 401 || status === 429, String(status))
  writeFileSync(gateway.configFile, JSON.stringify(written))
  await eventually('the cluster is back', async () => ((await call(token)).status === 200 ? true : undefined))
})
