// docs/limits-and-bounds.md promises defaults; the schema has them. Both say the same, and every bound is in the table.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema, parseDuration, parseRate, parseSize } from '../../src/config/config.ts'
import { readFiles, readTable } from './files.ts'

const document = readFiles(['docs/limits-and-bounds.md'])[0]?.text ?? ''
const bounds: Readonly<Record<string, unknown>> = configSchema.parse({}).gateway.bounds

test('every bound of the gateway is in the table with its default, and nothing else is', () => {
  const rows = readTable(document, 'field')
  assert.deepEqual(
    rows.map(([name]) => name),
    Object.keys(bounds),
  )
  for (const [name = '', text = ''] of rows) {
    const value = parseDuration(text) ?? parseSize(text)
    assert.equal(value, bounds[name], name)
  }
})

test('the other defaults are those of the schema', () => {
  const config = configSchema.parse({
    agents: [{ name: 'a', url: 'http://127.0.0.1:1' }],
    identity: { jwt: [{ name: 'i', issuer: 'i', audience: 'a', algorithms: ['ES256'], jwks: 'file:k' }] },
  })
  const roots: Readonly<Record<string, unknown>> = {
    agents: config.agents[0],
    identity: config.identity.jwt[0],
    ...rest(config),
  }
  for (const [setting = '', text = ''] of readTable(document, 'setting')) {
    // what no limit of the configuration says lies in the limiter, not in the schema
    if (setting.startsWith('limits[]')) continue
    const [root = '', ...path] = setting.replace('identity.jwt[]', 'identity').replace('[]', '').split('.')
    let value = roots[root]
    for (const step of path) value = Reflect.get(Object(value), step)
    assert.deepEqual(value, parseRate(text) ?? parseDuration(text) ?? parseSize(text), setting)
  }
})

function rest(config: ReturnType<typeof configSchema.parse>): Record<string, unknown> {
  return { unauthenticated: config.unauthenticated, audit: config.audit }
}
