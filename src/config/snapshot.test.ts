import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildSnapshot, configSchema, digestOf } from './config.ts'
import type { ConfigInput, Snapshot } from './config.ts'

function snapshot(input: ConfigInput, options?: { publicUrl: string }): Snapshot {
  return buildSnapshot(configSchema.parse(input), options)
}

test('finds agents by name, host and principal', () => {
  const { agents, agentsByHost, agentsByPrincipal } = snapshot({
    agents: [
      { name: 'a', url: 'http://a', hosts: ['a.example', 'a.example:8443'], principals: ['key:a'] },
      { name: 'b', url: 'http://b' },
    ],
  })
  assert.deepEqual([...agents.keys()], ['a', 'b'])
  assert.equal(agentsByHost.get('a.example:8443')?.name, 'a')
  assert.equal(agentsByPrincipal.get('key:a')?.name, 'a')
  assert.equal(agentsByPrincipal.get('key:b'), undefined)
})

test('the digest is the same for the same meaning and differs for another', () => {
  const one = configSchema.parse({ dataDir: './x', agents: [{ name: 'a', url: 'http://a' }] })
  const reordered = configSchema.parse({
    agents: [{ url: 'http://a', name: 'a', discovery: 'callers' }],
    dataDir: './x',
  })
  const other = configSchema.parse({ dataDir: './x', agents: [{ name: 'a', url: 'http://a', discovery: 'public' }] })
  assert.equal(digestOf(one), digestOf(reordered))
  assert.notEqual(digestOf(one), digestOf(other))
  assert.match(digestOf(one), /^[\w-]{43}$/)
})

test('cannot be changed, at any depth', () => {
  const { config } = snapshot({ agents: [{ name: 'a', url: 'http://a' }] })
  assert.throws(() => Object.assign(config.gateway.bounds, { body: 1 }), TypeError)
  assert.throws(() => Object.assign(config.agents[0]!, { url: 'http://evil' }), TypeError)
})

test('the public URL is the configured one, else where it listens, without a trailing slash', () => {
  assert.equal(
    snapshot({ gateway: { publicUrl: 'https://x.example/a/' } }, { publicUrl: 'http://127.0.0.1:1' }).publicUrl,
    'https://x.example/a',
  )
  assert.equal(snapshot({}, { publicUrl: 'http://127.0.0.1:40123' }).publicUrl, 'http://127.0.0.1:40123')
  assert.equal(snapshot({}).publicUrl, 'http://127.0.0.1:7000')
  assert.equal(
    snapshot({ gateway: { tls: { certificate: 'file:c', key: 'file:k' } } }).publicUrl,
    'https://127.0.0.1:7000',
  )
})
