// What the built-in redactions name is found in the other forms that people and programs write it in: as a number, in
// the name of a member, with other separators, escaped for a URL, below a telling name, in the bytes of a file.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import type { JsonValue } from '../base/strict-json.ts'
import { configSchema } from '../config/config.ts'
import { compileContentRules } from './content.ts'

const rules = configSchema.parse({ audit: { content: [{ agents: ['*'] }] } }).audit.content
const compiled = compileContentRules(rules, createManualClock())
const take = (value: JsonValue): JsonValue | undefined => compiled.request('a', () => value)?.content

const token = '[redacted:token]'
const card = '[redacted:card]'

test('a number that is a card number becomes a text', () => {
  assert.deepEqual(take([4111111111111111, 4111111111111112, 17]), [card, 4111111111111112, 17])
})

test('a card number is found whatever separates its groups', () => {
  for (const between of ['.', '\u00a0', '\u2011', '\u2013', '  ', ' - ', '\u202f', '\t'])
    assert.equal(
      take(`no ${['4111', '1111', '1111', '1111'].join(between)} ok`),
      `no ${card} ok`,
      JSON.stringify(between),
    )
  assert.equal(take('4111, 1111, 1111, 1111'), '4111, 1111, 1111, 1111')
})

test('names of members are redacted, and stay different from each other', () => {
  const names = { 'alice@example.com': 1, 'bob@example.com': 2, '[redacted:email] (2)': 3, '4111111111111111': 4 }
  assert.deepEqual(take(names), {
    [card]: 4,
    '[redacted:email]': 1,
    '[redacted:email] (2)': 2,
    '[redacted:email] (2) (2)': 3,
  })
})

test('an address that is escaped for a URL is one', () => {
  assert.equal(take('/users/alice%40example.com/inbox'), '[redacted:email]/inbox')
  assert.equal(take('100%40 of'), '100%40 of')
})

test('credentials of Basic authentication go, the English word stays', () => {
  const basic = Buffer.from('bob:hunter2').toString('base64')
  assert.equal(take(`Authorization: Basic ${basic} and`), `${token} and`)
  assert.equal(take(`use basic ${basic} and`), `use ${token} and`)
  assert.equal(take('authorization=abc;x'), `${token};x`)
  assert.equal(take('a basic understanding of basic authentication'), 'a basic understanding of basic authentication')
})

test('what stands before the host of a URL goes', () => {
  assert.equal(take('postgres://bob:p@ss@db/x'), `postgres://${token}@db/x`)
  assert.equal(take('https://u:p@h/ https://h/@u'), `https://${token}@h/ https://h/@u`)
})

test('whatever stands below a name that means a secret goes, however short', () => {
  for (const name of [
    'password',
    'passwd',
    'client_secret',
    'accessToken',
    'api_key',
    'X-API-Key',
    'Authorization',
    'PIN',
  ])
    assert.deepEqual(take({ [name]: 'x' }), { [name]: token }, name)
  assert.deepEqual(take({ credentials: { user: 'u', list: ['a', 7, true] } }), {
    credentials: { user: token, list: [token, token, true] },
  })
  const kept = { keyboard: 'x', key: 'color', tokenizer: 'x', totalTokens: 120, pinned: 'x', author: 'x' }
  assert.deepEqual(take(kept), kept)
})

test('a short password beside its word goes', () => {
  assert.equal(take('password: hunter2, please'), `${token}, please`)
  assert.equal(take('{"password":"hunter2"}'), `{"${token}"}`)
})

test('of the bytes of a file only their size and hash are recorded', () => {
  const bytes = Buffer.from('my secret picture')
  const part = { raw: bytes.toString('base64'), mediaType: 'image/png', filename: 'bob@x.org.png' }
  const sha256 = createHash('sha256').update(bytes).digest('base64url')
  assert.deepEqual(take({ parts: [part] }), {
    parts: [{ raw: { bytes: 17, sha256 }, mediaType: 'image/png', filename: '[redacted:email]' }],
  })
  const large = { raw: 'A'.repeat(1_000_000) }
  assert.equal(JSON.stringify(take({ parts: [large] })).length < 100, true)
  assert.deepEqual(take({ parts: [{ data: { raw: 'words' } }] }), { parts: [{ data: { raw: 'words' } }] })
})
