import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema, type ConfigInput } from '../config/config.ts'
import { askExtensions } from './negotiate-extensions.ts'

type Asked = Parameters<typeof askExtensions>[0]

function askedOf(headers: Record<string, string>, gateway: string[] | '*', agent?: string[] | '*'): Asked {
  const input: ConfigInput = {
    gateway: { extensions: gateway },
    agents: [{ name: 'a', url: 'http://127.0.0.1:9', ...(agent !== undefined && { extensions: agent }) }],
  }
  const config = configSchema.parse(input)
  // only what is read here
  return {
    headers: new Map(Object.entries(headers)),
    agent: config.agents[0],
    snapshot: { config },
  } as unknown as Asked
}

const current = { 'a2a-extensions': 'urn:a, urn:b' }
const legacy = { 'x-a2a-extensions': 'urn:a, urn:b' }

test('what an agent’s own entry says stands in the place of what the gateway says', () => {
  for (const [gateway, agent, found] of [
    [['urn:a'], undefined, ['urn:a']],
    [['urn:a'], ['urn:b'], ['urn:b']],
    [['urn:a'], [], []],
    ['*', [], []],
    ['*', ['urn:b'], ['urn:b']],
    [[], '*', ['urn:a', 'urn:b']],
    [[], undefined, []],
  ] as [string[] | '*', string[] | '*' | undefined, string[]][])
    assert.deepEqual(askExtensions(askedOf(current, gateway, agent), '1.0'), found)
})

test('the name that the header had in 0.3 counts in 0.3 alone', () => {
  assert.deepEqual(askExtensions(askedOf(legacy, '*'), '1.0'), [])
  assert.deepEqual(askExtensions(askedOf(legacy, '*'), '0.3'), ['urn:a', 'urn:b'])
  assert.deepEqual(askExtensions(askedOf(current, '*'), '0.3'), ['urn:a', 'urn:b'])
  assert.deepEqual(askExtensions(askedOf({ ...current, 'x-a2a-extensions': 'urn:c' }, '*'), '0.3'), ['urn:c'])
  assert.deepEqual(askExtensions(askedOf({ ...current, 'x-a2a-extensions': 'urn:c' }, '*'), '1.0'), ['urn:a', 'urn:b'])
})

test('with "*" only what is a URI is asked for, and not without end', () => {
  const ask = (text: string): readonly string[] => askExtensions(askedOf({ 'a2a-extensions': text }, '*'), '1.0')
  assert.deepEqual(ask('urn:a b, \u00e4, , urn:c, "urn:d"'), ['urn:c', '"urn:d"'])
  assert.deepEqual(ask(',,,'), [])
  assert.deepEqual(ask('x'.repeat(513)), [])
  assert.equal(ask(Array.from({ length: 500 }, (_, at) => `urn:${at}`).join()).length, 64)
})

test('a list of the configuration holds URIs and nothing else', () => {
  for (const wrong of [['urn:a b'], ['urn:a,urn:b'], [''], ['urn:a\n'], 'urn:a', '**', ['x'.repeat(513)]])
    assert.equal(configSchema.safeParse({ gateway: { extensions: wrong } }).success, false, JSON.stringify(wrong))
})
