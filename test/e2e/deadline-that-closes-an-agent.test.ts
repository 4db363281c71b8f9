// The attack: one caller calls with deadlines that no agent can keep. Each such call fails in time, and after a few of
// them in a row the agent's circuit would be open for everybody.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startGrpcAgent, type GrpcAgent } from '../fakes/grpc-agent.ts'
import { createGrpcCaller, type GrpcAnswer, type GrpcCaller } from './grpc-client.ts'
import { startGateway, type Gateway } from './harness.ts'

let agent: GrpcAgent
let gateway: Gateway
let caller: GrpcCaller
const message = (id: string) => ({ message: { messageId: id, role: 'ROLE_USER', parts: [{ text: 'x' }] } })
const fine = { message: { messageId: 'r', role: 'ROLE_AGENT', parts: [{ text: 'fine' }] } }
const give: (() => void)[] = []

before(async () => {
  agent = await startGrpcAgent()
  const url = `http://${agent.address}`
  gateway = await startGateway({
    agents: { slow: { url, grpcUrl: url, bindings: ['GRPC'], breaker: { failures: 2, cooldown: '1h' } } },
  })
  caller = createGrpcCaller(new URL(gateway.url).host)
})
after(async () => {
  caller.close()
  await gateway.stop()
  agent.close()
})

/** `grpc-timeout` said by hand: the client itself goes on waiting. */
const send = (who: string, id: string, metadata: Record<string, string> = {}): Promise<GrpcAnswer> =>
  caller.call({
    operation: 'SendMessage',
    params: message(id),
    key: gateway.keys[who] ?? '',
    metadata: { 'sallyport-agent': 'slow', ...metadata },
  })

const DEADLINE_EXCEEDED = 4

test('calls that their caller gives no time do not close the agent to another', async () => {
  agent.unary = () => new Promise((resolve) => give.push(() => resolve(fine)))
  for (const id of ['m1', 'm2', 'm3', 'm4']) {
    const { code } = await send('alice', id, { 'grpc-timeout': '20m' })
    assert.equal(code, DEADLINE_EXCEEDED)
  }
  for (const each of give.splice(0)) each()
  agent.unary = () => fine
  assert.equal((await send('bob', 'm5')).code, 0)
})

test('an agent does not hear of a call whose deadline has passed', async () => {
  const seen = agent.seen.length
  assert.equal((await send('alice', 'm6', { 'grpc-timeout': '1n' })).code, DEADLINE_EXCEEDED)
  assert.equal(agent.seen.length, seen)
})
