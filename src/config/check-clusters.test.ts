import assert from 'node:assert/strict'
import test from 'node:test'
import { clusterInput } from '../../test/fakes/service-accounts.ts'
import { checkClusters } from './check-clusters.ts'
import { clusterAccess } from './in-cluster.ts'
import { configSchema, type ConfigInput } from './schema.ts'

const jwt = { name: 'corp', issuer: 'https://idp', audience: 'a', algorithms: ['ES256' as const], jwks: 'file:k' }
type Clusters = NonNullable<ConfigInput['identity']>['kubernetes']

function problemsOf(kubernetes: Clusters, more: Partial<ConfigInput> = {}, pod: Record<string, string> = {}): string[] {
  const config = configSchema.parse({ ...more, identity: { kubernetes, ...more.identity } })
  const isPlainRemote = (url: string): boolean => url.startsWith('http://') && !url.includes('127.0.0.1')
  return checkClusters(config, { isPlainRemote, variable: (name) => pod[name] }).map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  )
}

test('one cluster, given whole, is fine; so are two of one issuer with audiences of their own', () => {
  assert.deepEqual(problemsOf([clusterInput]), [])
  assert.deepEqual(problemsOf([clusterInput, { ...clusterInput, name: 'stage', audience: ['a', 'b'] }]), [])
})

test('clusters and issuers must be told apart', () => {
  const wrong: [Clusters, Partial<ConfigInput>, RegExp][] = [
    [[clusterInput, { ...clusterInput, issuer: 'https://other' }], {}, /kubernetes\.1\.name/],
    [[{ ...clusterInput, name: 'corp' }], { identity: { jwt: [jwt] } }, /kubernetes\.0\.name/],
    [[clusterInput, { ...clusterInput, name: 'stage', audience: ['x', 'sallyport'] }], {}, /kubernetes\.1\.audience/],
    [[clusterInput], { identity: { jwt: [{ ...jwt, issuer: clusterInput.issuer }] } }, /jwt\.0\.issuer/],
  ]
  for (const [clusters, more, expected] of wrong) {
    const found = problemsOf(clusters, { identity: { ...more.identity } })
    assert.equal(found.length, 1, found.join())
    assert.match(found[0]!, expected)
  }
})

test('an API server must be reachable, by TLS, with something to prove ourselves', () => {
  const { server: _, token: __, ...bare } = clusterInput
  const wrong: [Partial<NonNullable<Clusters>[number]>, RegExp][] = [
    [{}, /no pod of a cluster/],
    [{ server: 'http://api.example.com', token: 'file:t' }, /plain text/],
    [{ server: 'https://api.example.com/k8s', token: 'file:t' }, /has no path/],
    [{ server: 'https://api.example.com' }, /nothing to prove itself/],
    [{ server: 'https://api.example.com', certificate: 'file:c' }, /needs its key/],
    [{ server: 'https://api.example.com', token: 'file:t', jwks: 'file:k' }, /only mode: jwks/],
    [{ server: 'https://api.example.com', token: 'file:t', mode: 'jwks', jwks: 'http://k.example.com' }, /plain text/],
  ]
  for (const [changed, expected] of wrong) {
    const found = problemsOf([{ ...bare, ...changed }])
    assert.equal(found.length, 1, found.join())
    assert.match(found[0]!, expected)
  }
  assert.deepEqual(problemsOf([bare], {}, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }), [])
})

test('the cluster whose RBAC is asked must be one of them', () => {
  const ask = (policy: ConfigInput['policy']): string[] => problemsOf([clusterInput], { policy })
  assert.deepEqual(ask({ authorizer: 'kubernetes', kubernetes: { cluster: 'prod' } }), [])
  assert.match(ask({ authorizer: 'kubernetes' }).join(), /policy\.authorizer/)
  assert.match(ask({ authorizer: 'kubernetes', kubernetes: { cluster: 'prdo' } }).join(), /policy\.kubernetes\.cluster/)
})

test('a prefix that would reach into the names of the cluster is refused', () => {
  for (const prefix of ['', 'system:', 'sallyport', ':', 'System:', 'a b:', 'system:x:'])
    assert.ok(!configSchema.safeParse({ policy: { kubernetes: { cluster: 'prod', prefix } } }).success, prefix)
})

test('a pod brings address, authority and token; what is written wins', () => {
  const [bare] = configSchema.parse({ identity: { kubernetes: [{ name: 'p', issuer: 'i', audience: 'a' }] } }).identity
    .kubernetes
  assert.ok(bare)
  const pod = (name: string) => ({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' })[name]
  const found = clusterAccess(bare, pod)
  assert.equal(found?.server, 'https://[fd00::1]:6443')
  assert.match(found?.token ?? '', /serviceaccount\/token$/)
  assert.match(found?.ca ?? '', /serviceaccount\/ca\.crt$/)
  assert.equal(clusterAccess({ ...bare, token: 'file:mine' }, pod)?.token, 'file:mine')
  for (const host of ['evil.example.com/x', 'a@b', 'a b', ''])
    assert.equal(
      clusterAccess(bare, (name) => (name === 'KUBERNETES_SERVICE_HOST' ? host : undefined)),
      undefined,
      host,
    )
})
