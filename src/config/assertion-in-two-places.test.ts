// Settings of agents[].assertion that contradict each other: two things in one header, an exchange without a place.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from './config.ts'

const exchange = 'exchange: { tokenUrl: "https://idp.example.com/token", clientId: gw, clientSecret: "env:S" }'

function problemsOf(members: string): string[] {
  const loaded = parseConfig(
    `agents: [{ name: a, url: "http://127.0.0.1:1", ${members} }]`,
    '/nowhere/sallyport.yaml',
    {
      env: { S: 'secret', K: 'Bearer key' },
    },
  )
  return loaded.ok ? [] : loaded.problems.map(({ path }) => path)
}

test('what fits together is taken', () => {
  for (const members of [
    'assertion: { as: header }',
    'assertion: { as: bearer }',
    `assertion: { as: exchange, ${exchange} }`,
    'assertion: { as: bearer }, credential: { header: X-Key, value: "env:K" }',
    'assertion: { subject: pairwise, sector: partner }',
    'assertion: { claims: minimal }',
  ])
    assert.deepEqual(problemsOf(members), [], members)
})

test('what contradicts itself is refused', () => {
  for (const [members, path] of [
    ['assertion: { as: bearer }, credential: { value: "env:K" }', 'agents[0].assertion.as'],
    ['assertion: { as: bearer }, credential: { header: AUTHORIZATION, value: "env:K" }', 'agents[0].assertion.as'],
    [`assertion: { as: exchange, ${exchange} }, credential: { value: "env:K" }`, 'agents[0].assertion.as'],
    ['assertion: { as: exchange }', 'agents[0].assertion.exchange'],
    [`assertion: { as: bearer, ${exchange} }`, 'agents[0].assertion.exchange'],
    ['assertion: { sector: partner }', 'agents[0].assertion.sector'],
    [
      `assertion: { as: exchange, ${exchange.replace('https://idp', 'http://idp')} }`,
      'agents[0].assertion.exchange.tokenUrl',
    ],
    ['assertion: { as: query }', 'agents[0].assertion.as'],
  ] as const)
    assert.deepEqual(problemsOf(members), [path], members)
})
