// Two clusters, each of which can mint what it likes within its own name.

import assert from 'node:assert/strict'
import test from 'node:test'
import { startFakeApi } from '../../test/fakes/kubernetes-api.ts'
import { clusterInput, makeAccounts } from '../../test/fakes/service-accounts.ts'
import { createTokenAuthority } from '../../test/fakes/kubernetes-tokens.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { createDialler } from '../forward/forward.ts'
import { connectCluster, type Cluster } from '../kubernetes/kubernetes.ts'
import { Secret } from '../base/secret.ts'

test('a token that names the other cluster as its issuer is shown there, and is not one of its', async () => {
  const accounts = makeAccounts([
    { ...clusterInput, issuer: 'https://prod' },
    { ...clusterInput, name: 'stage', issuer: 'https://stage' },
  ])
  const nowMs = (): number => accounts.clock.nowMs()
  const dialler = createDialler()
  const [prod, stage] = await Promise.all([
    startFakeApi({ issuer: 'https://prod', nowMs }),
    startFakeApi({ issuer: 'https://stage', nowMs }),
  ])
  const connected = new Map<string, Cluster>(
    [['prod', prod] as const, ['stage', stage] as const].map(([name, api]) => [
      name,
      connectCluster({
        name,
        server: api.url,
        references: { token: 'file:token' },
        resolve: () => Secret.ofText(api.gatewayToken),
        dialler,
        clock: accounts.clock,
        timeoutMs: 2_000,
        concurrency: 4,
        random: Math.random,
      }),
    ]),
  )
  accounts.answer = (token, cluster): Promise<JsonObject> =>
    connected.get(cluster)?.reviewToken(token, ['sallyport']) ?? Promise.reject(new Error('no cluster'))
  try {
    const mine = prod.runPod({ namespace: 'team-a', name: 'p', account: 'planner', audience: 'sallyport' })
    assert.equal((await accounts.passes(mine.token)).id, 'serviceaccount:prod/team-a/planner')
    // stage signs a token that says it is of prod
    const forger = createTokenAuthority({ issuer: 'https://prod', nowMs, podUid: () => undefined })
    await accounts.refuses(forger.issue({ namespace: 'kube-system', account: 'admin', audiences: ['sallyport'] }))
    assert.deepEqual([prod.tokenReviews, stage.tokenReviews], [2, 0])
    const theirs = stage.runPod({ namespace: 'team-a', name: 'p', account: 'planner', audience: 'sallyport' })
    assert.equal((await accounts.passes(theirs.token)).id, 'serviceaccount:stage/team-a/planner')
    // for somebody else's ears
    await accounts.refuses(prod.tokens.issue({ namespace: 'team-a', account: 'planner', audiences: ['vault'] }))
    assert.deepEqual([...prod.problems, ...stage.problems], [])
  } finally {
    for (const cluster of connected.values()) cluster.release()
    await dialler.close()
    await Promise.all([prod.close(), stage.close()])
  }
})
