import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { checkHead, type CheckedHead, type RawHead } from './check-head.ts'

const head = (fields: readonly string[], more: Partial<RawHead> = {}): RawHead => ({
  httpVersion: '1.1',
  method: 'GET',
  url: '/agents/calculator',
  rawHeaders: ['Host', 'agents.example.com', ...fields],
  ...more,
})

const accepted = (raw: RawHead): CheckedHead => {
  const checked = checkHead(raw)
  if (typeof checked === 'string') assert.fail(checked)
  return checked
}

const refused = (raw: RawHead): void => assert.equal(typeof checkHead(raw), 'string', JSON.stringify(raw))

test('takes an ordinary head apart', () => {
  const checked = accepted(head(['Content-Type', 'application/json'], { url: '/agents/calculator/tasks?pageSize=3?4' }))
  assert.equal(checked.path, '/agents/calculator/tasks')
  assert.equal(checked.query, 'pageSize=3?4')
  assert.equal(checked.host, 'agents.example.com')
  assert.equal(checked.headers.get('content-type'), 'application/json')
})

test('a host keeps its port and loses its capitals', () => {
  assert.equal(accepted(head([], { rawHeaders: ['HOST', 'Agents.Example.COM:8443'] })).host, 'agents.example.com:8443')
  assert.equal(accepted(head([], { rawHeaders: ['Host', '[::1]:7000'] })).host, '[::1]:7000')
})

test('refuses a host that is missing, doubled or not a host', () => {
  refused({ httpVersion: '1.1', method: 'GET', url: '/', rawHeaders: [] })
  const hosts = [
    '',
    ' ',
    'a, b',
    'a b',
    'a/b',
    'user@a',
    'a:',
    'a:b',
    'a:123456',
    'a.',
    '.a',
    '-a',
    'a\tb',
    'exämple',
    '[::1',
    '::1',
    'a:1:2',
    'a?b',
    'a#b',
    '%61',
  ]
  for (const host of hosts) refused(head([], { rawHeaders: ['Host', host] }))
  refused(head(['host', 'agents.example.com']))
  refused(head(['HOST', 'another.example.com']))
})

test('refuses every target that is not in origin-form', () => {
  const targets = [
    '',
    '*',
    'agents',
    'http://agents.example.com/agents/calculator',
    'https:/x',
    'agents.example.com:443',
    '/a b',
    '/a\tb',
    '/a#b',
    '/a\\b',
    '/a"b',
    '/a<b',
    '/a>b',
    '/a^b',
    '/a`b',
    '/a{b',
    '/a|b',
    '/a}b',
    '/ä',
    '/a\u0000',
    '/a\u007f',
    '/a\n',
    '/a\r\n',
  ]
  for (const url of targets) refused(head([], { url }))
})

test('refuses a second field where one must stand alone, however it is spelled', () => {
  const single = [
    'authorization',
    'x-api-key',
    'sallyport-caller-assertion',
    'content-type',
    'content-length',
    'content-encoding',
    'transfer-encoding',
    'a2a-version',
    'expect',
    'origin',
    'traceparent',
    'sallyport-agent',
  ]
  for (const name of single) refused(head([name, '1', name.toUpperCase(), '1']))
})

test('joins fields that may be repeated, in their order', () => {
  assert.equal(
    accepted(head(['Forwarded', 'for=1', 'x-other', 'y', 'forwarded', 'for=2'])).headers.get('forwarded'),
    'for=1, for=2',
  )
})

test('field names that are names of objects mean nothing', () => {
  const { headers } = accepted(head(['__proto__', 'x', 'constructor', 'y']))
  assert.equal(headers.get('__proto__'), 'x')
  assert.equal(headers.get('hasOwnProperty'), undefined)
})

test('refuses a body whose end two servers could see in different places', () => {
  refused(head(['content-length', '5', 'transfer-encoding', 'chunked']))
  for (const length of ['', '+5', '-5', '5, 5', '5,6', '0x5', '5 ', '5.0', '1e3', '1234567890123456', '٥'])
    refused(head(['content-length', length]))
  for (const coding of [
    '',
    'gzip',
    'gzip, chunked',
    'chunked, chunked',
    'identity',
    'xchunked',
    '"chunked"',
    'chunked;x',
  ]) {
    refused(head(['transfer-encoding', coding]))
  }
  refused(head(['transfer-encoding', 'chunked'], { httpVersion: '1.0' }))
})

test('accepts one length, or chunks', () => {
  accepted(head(['content-length', '0']))
  accepted(head(['content-length', '1048576']))
  accepted(head(['Transfer-Encoding', 'Chunked']))
})

test('refuses a body that would first have to be decompressed', () => {
  for (const coding of ['gzip', 'br', 'deflate', 'zstd', 'identity, gzip', ''])
    refused(head(['content-encoding', coding]))
  accepted(head(['content-encoding', 'identity']))
})

test('refuses versions of HTTP that it does not speak', () => {
  for (const httpVersion of ['0.9', '2.0', '1.2', '', '1.1 ']) refused(head([], { httpVersion }))
})

test('never throws, and what it accepts can be put together again', () => {
  const pairs = fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 6 })
  fc.assert(
    fc.property(fc.string(), pairs, (target, fields) => {
      const url = `/${target}`
      const checked = checkHead(head(fields.flat(), { url }))
      if (typeof checked === 'string') return
      assert.equal(checked.query === '' && !url.endsWith('?') ? checked.path : `${checked.path}?${checked.query}`, url)
      assert.doesNotMatch(checked.path, /[\s?#\\]/)
    }),
    { numRuns: 500 },
  )
})
