// What must not get into the record is taken out, wherever it stands, and in linear time. False alarms cost a word of
// a text that nobody asked to keep; a miss keeps a secret.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock, systemClock } from '../base/clock.ts'
import { builtinFinder, builtinNames, compilePattern, redactText, type Redaction } from './redact.ts'
import { SearchEffort } from './search-effort.ts'

const builtins: readonly Redaction[] = builtinNames.map((name) => ({ name, find: builtinFinder(name) }))
const effort = (): SearchEffort => new SearchEffort(createManualClock())
const redact = (text: string, limit = 1e6): string => redactText(text, builtins, limit, effort()).text
/** not a key: made of the same letters, so that nobody has to revoke it */
const filler = (length: number): string => 'aB3'.repeat(Math.ceil(length / 3)).slice(0, length)

test('addresses go, with what stands around them left alone', () => {
  for (const [text, expected] of [
    ['write to alice@example.com.', 'write to [redacted:email].'],
    ['<Alice.B+tag@mail.example.co.uk>,bob@x.org', '<[redacted:email]>,[redacted:email]'],
    ['jörg@müller.example', '[redacted:email]'],
    ['a@b and @handle and user@localhost', 'a@b and @handle and user@localhost'],
    ['x@y.z@w.v', '[redacted:email]@w.v'],
  ] as const)
    assert.equal(redact(text), expected)
})

test('card numbers go when their check digit is right, in groups or in one', () => {
  assert.equal(redact('pay with 4111111111111111 now'), 'pay with [redacted:card] now')
  assert.equal(redact('4111 1111 1111 1111'), '[redacted:card]')
  assert.equal(redact('3782-822463-10005'), '[redacted:card]')
  assert.equal(redact('on 20261124 4111 1111 1111 1111'), 'on 20261124 [redacted:card]')
  assert.equal(redact('4111111111111112'), '4111111111111112')
  assert.equal(redact('0000000000000000'), '0000000000000000')
  assert.equal(redact('call 030 1234567'), 'call 030 1234567')
})

test('tokens go: bearer, JWT, our own keys, those of known issuers, and long ones beside a telling word', () => {
  for (const secret of [
    `Bearer ${filler(20)}`,
    `bearer  ${filler(9)}`,
    `eyJhbGciOiJub25lIn0.${filler(20)}.${filler(10)}`,
    `sp_live_${filler(12)}_${filler(49)}`,
    `AKIA${'A3'.repeat(8)}`,
    `ghp_${filler(36)}`,
    `github_pat_${filler(30)}`,
    `glpat-${filler(20)}`,
    `xoxb-${filler(24)}`,
    `AIza${filler(35)}`,
    `sk_live_${filler(24)}`,
    `sk-${filler(40)}`,
    `npm_${filler(36)}`,
    `password: ${filler(20)}`,
    `API_KEY="${filler(32)}="`,
    `secret -> ${filler(16)}`,
  ])
    assert.equal(
      redact(`before ${secret} after`).replace(/[A-Za-z_]*\[redacted:token\]"?/, '*'),
      'before * after',
      secret,
    )
  assert.equal(redact('the key to success; token of thanks'), 'the key to success; token of thanks')
})

test('a private key goes whole, also one whose end is missing', () => {
  const head = '-----BEGIN EC PRIVATE KEY-----'
  const key = `${head}\n${filler(64)}\n-----END EC PRIVATE KEY-----`
  assert.equal(redact(`a ${key} b ${key} c`), 'a [redacted:private-key] b [redacted:private-key] c')
  assert.equal(redact(`a ${head}\n${filler(600)}`), 'a [redacted:private-key]')
  assert.equal(redact('-----BEGIN CERTIFICATE-----'), '-----BEGIN CERTIFICATE-----')
})

test('what overlaps is replaced once, and one replacement hides no other', () => {
  assert.equal(redact(`token: ${filler(20)} bob@example.com`), '[redacted:token] [redacted:email]')
  const find = compilePattern('b+')
  assert.ok(typeof find !== 'string')
  const abc = compilePattern('abbbc')
  assert.ok(typeof abc !== 'string')
  const both = [
    { name: 'inner', find },
    { name: 'outer', find: abc },
  ]
  assert.equal(redactText('xabbbcx', both, 100, effort()).text, 'x[redacted:outer]x')
})

test('a secret that begins before the cut is gone whole, and what comes after the cut is not there', () => {
  const email = 'alice@example.com'
  for (let limit = 0; limit <= 44; limit += 1) {
    const { text, isCut } = redactText(`dear ${email}, and so on, bob@x.org`, builtins, limit, effort())
    assert.equal(isCut, limit < 44)
    assert.ok(text.replaceAll('[redacted:email]', '').length <= limit, text)
    for (let length = 3; length <= email.length; length += 1) assert.ok(!text.includes(email.slice(0, length)), text)
  }
})

test('a pattern that is wrong, empty or endless is no pattern', () => {
  for (const pattern of ['(', '[a', 'a(?=b)', '(a)\\1', 'a*', '', '^', '(a{1000}){1000}', '((a{100}){100}){10}'])
    assert.equal(typeof compilePattern(pattern), 'string', pattern)
  assert.equal(typeof compilePattern('[A-Z]{2}\\d{6}'), 'function')
})

test('texts made to be slow are not', () => {
  const size = 60_000
  for (const text of [
    'a'.repeat(size),
    '@'.repeat(size),
    'a@'.repeat(size / 2),
    '1'.repeat(size),
    '1 '.repeat(size / 2),
    '4111 1111 1111 1111 '.repeat(size / 20),
    'eyJaaaaa.'.repeat(size / 9),
    'bearer '.repeat(size / 7),
    'key '.repeat(size / 4),
    '-----BEGIN PRIVATE KEY-----'.repeat(size / 27),
    'a.'.repeat(size / 2),
    'a%40'.repeat(size / 4),
    '://'.repeat(size / 3),
    '://a@'.repeat(size / 5),
    'basic '.repeat(size / 6),
    'authorization:'.repeat(size / 14),
    `eyJAKIA${'A3'.repeat(8)}`.repeat(size / 23),
  ]) {
    const startedMs = performance.now()
    redactText(text, builtins, 1e6, new SearchEffort(systemClock))
    assert.ok(performance.now() - startedMs < 5_000, text.slice(0, 20))
  }
})
