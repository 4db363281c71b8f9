// Tokens of a real OpenID provider, end to end: found by discovery, signed by a key that changes in flight, bound to a
// key of the client's, opaque, revoked by the provider and by the operator.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually, startGateway, type Gateway } from './harness.ts'
import { say, type Answer } from './client.ts'
import { makeProofKey } from '../fakes/dpop.ts'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { opaque, proofFor, readable, startOpenIdProvider, type OpenIdProvider } from '../fakes/openid-provider.ts'

let provider: OpenIdProvider
let agent: HostileAgent
let gateway: Gateway

before(async () => {
  provider = await startOpenIdProvider()
  agent = await startHostileAgent()
  gateway = await startGateway({
    agents: { able: agent.url },
    callers: [],
    files: { 'introspection-secret': 'a-secret-of-at-least-32-characters' },
    identity: {
      jwt: [
        {
          name: 'corp',
          issuer: provider.issuer,
          audience: [readable, opaque],
          algorithms: ['ES256'],
          types: ['at+jwt', 'none'],
          authorizedParties: ['planner'],
          subject: 'client_id',
          introspection: {
            endpoint: `${provider.issuer}/token/introspection`,
            clientId: 'gateway',
            clientSecret: 'file:introspection-secret',
          },
        },
      ],
    },
    policy: {
      roles: [{ name: 'user', rules: [{ agents: ['*'], operations: ['*'] }] }],
      bindings: [{ role: 'user', callers: ['user:corp/planner'] }],
    },
  })
})

after(async () => {
  await gateway.stop()
  await provider.close()
  await agent.close()
})

const send = (headers: Record<string, string>): Promise<Answer> =>
  gateway.call({ binding: 'JSONRPC', agent: 'able', operation: 'SendMessage', params: say('message good'), headers })
const bearer = (token: string): Promise<Answer> => send({ authorization: `Bearer ${token}` })

function assertUnauthenticated(answer: Answer): void {
  assert.deepEqual([answer.status, answer.error.code], [401, -32040], answer.text)
}

test('a client of the provider is a caller, by discovery alone, and the record says by which token', async () => {
  const token = await provider.token()
  const answer = await bearer(token)
  assert.equal(answer.status, 200, answer.text + gateway.log())
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }
  const { envelope, event } = await gateway.recordOf(answer)
  assert.equal(envelope.outcome, 'allowed')
  assert.deepEqual(event?.['evidence'], { jti })
  assert.ok((await gateway.records()).every((record) => !JSON.stringify(record).includes(token)))
})

test('another client of the same provider is nobody here', async () => {
  assertUnauthenticated(await bearer(await provider.token({ client: 'gateway' })))
})

test('the signing key changes in flight, and no call fails', async () => {
  const old = await provider.token()
  const answers: Promise<Answer>[] = []
  for (let i = 0; i < 10; i++) answers.push(bearer(old))
  provider.rotate({ keepOld: true })
  const fresh = await provider.token()
  assert.notEqual(old.split('.')[0], fresh.split('.')[0])
  for (let i = 0; i < 10; i++) answers.push(bearer(fresh), bearer(old))
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200, answer.text)
})

test('a token that the provider bound to a key needs a proof of it with every call', async () => {
  const key = makeProofKey()
  const token = await provider.token({ key })
  const url = `${gateway.url}/agents/able`
  const proof = proofFor(key, 'POST', url, token)
  const shown = { authorization: `DPoP ${token}`, dpop: proof }
  assert.equal((await send(shown)).status, 200)
  assertUnauthenticated(await send(shown))
  assertUnauthenticated(await bearer(token))
  assertUnauthenticated(
    await send({ authorization: `DPoP ${token}`, dpop: proofFor(makeProofKey(), 'POST', url, token) }),
  )
  assertUnauthenticated(await send({ authorization: `DPoP ${token}`, dpop: proofFor(key, 'GET', url, token) }))
  assertUnauthenticated(await send({ authorization: `DPoP ${token}`, dpop: proofFor(key, 'POST', `${url}/x`, token) }))
  assert.equal((await send({ authorization: `DPoP ${token}`, dpop: proofFor(key, 'POST', url, token) })).status, 200)
})

test('an opaque token is what the provider says of it, bound or not', async () => {
  const token = await provider.token({ resource: opaque })
  assert.ok(!token.includes('.'))
  for (let i = 0; i < 5; i++) assert.equal((await bearer(token)).status, 200)
  assert.equal(provider.asked.get('/token/introspection'), 1)
  const key = makeProofKey()
  const bound = await provider.token({ resource: opaque, key })
  const proof = proofFor(key, 'POST', `${gateway.url}/agents/able`, bound)
  assert.equal((await send({ authorization: `DPoP ${bound}`, dpop: proof })).status, 200)
  assertUnauthenticated(await bearer(bound))
  const revoked = await provider.token({ resource: opaque })
  await provider.revoke(revoked)
  assertUnauthenticated(await bearer(revoked))
  assertUnauthenticated(await bearer('rubbish'))
})

test('while the provider is silent, tokens that can be read are good and others are not', async () => {
  const [token, other] = [await provider.token(), await provider.token({ resource: opaque })]
  provider.isDown = true
  try {
    assert.equal((await bearer(token)).status, 200)
    assertUnauthenticated(await bearer(other))
  } finally {
    provider.isDown = false
  }
  assert.equal((await bearer(other)).status, 200)
})

test('a revoked token is refused at once, its open stream ends within two seconds, and it is on record', async () => {
  const token = await provider.token()
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { jti: string }
  const stream = await gateway.stream({
    binding: 'JSONRPC',
    agent: 'able',
    operation: 'SendStreamingMessage',
    params: say('stream-held token'),
    headers: { authorization: `Bearer ${token}` },
  })
  await stream.next()
  const { code, stderr } = await gateway.command('token', 'revoke', '--jti', jti, '--issuer', 'corp')
  assert.equal(code, 0, stderr)
  const revokedMs = performance.now()
  assertUnauthenticated(await bearer(token))
  const events = await stream.rest()
  assert.ok(performance.now() - revokedMs < 2_000)
  assert.equal(events.at(-1)?.error?.['code'], -32040)
  assert.equal((await bearer(await provider.token())).status, 200)
  const listed = await gateway.command('token', 'revocations', '--json')
  assert.equal((JSON.parse(listed.stdout) as { id: string }).id, jti)
  await eventually('a record of it', async () =>
    (await gateway.records()).find(({ event }) => event?.['action'] === 'token.revoke' && event['id'] === jti),
  )
  const unknown = await gateway.command('token', 'revoke', '--jti', jti, '--issuer', 'crop')
  assert.notEqual(unknown.code, 0)
})
