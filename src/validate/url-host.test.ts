// Hosts of URLs: an allow-listed name must not be able to hide another host from one of two parsers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isWebUrl, urlHost } from './url-host.ts'

const ambiguous = [
  '',
  'example.com',
  '/path',
  '//example.com/',
  'http:example.com',
  'http:/example.com',
  'http:///example.com',
  'https:\\\\example.com',
  'https://good.example@evil.example/',
  'https://user:pw@good.example/',
  'https://good.example\\@evil.example/',
  'https://good.example\\.evil.example/',
  'https://good.example%2eevil.example/',
  'https://%67ood.example/',
  'https://good.example%00.evil.example/',
  'https://good.example\t.evil.example/',
  'https://good.example\n/',
  ' https://good.example/',
  'https://good.example /',
  'https://good.example./',
  'https://ｇood.example/',
  'https://good。example/',
  'https://bücher.example/',
  'https://',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0177.0.0.1/',
  'http://127.1/',
  'http://[::ffff:127.0.0.1]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::1%25eth0]/',
  'http://[::1/',
  'http://::1/',
  'http://good.example:x/',
  'http://good.example:99999/',
  'http://good.example:80:80/',
  'gs:///object',
  `https://good.example/${'a'.repeat(9000)}`,
]

for (const url of ambiguous) {
  test(`names no host for ${JSON.stringify(url.slice(0, 60))}`, () => {
    assert.equal(urlHost(url), undefined)
    assert.ok(!isWebUrl(url))
  })
}

test('names the host of URLs that every parser reads alike', () => {
  const hosts = {
    'https://good.example': 'good.example',
    'HTTPS://Good.Example:8443/a?b=@c#d': 'good.example',
    'http://127.0.0.1/': '127.0.0.1',
    'http://[::1]:80/': '[::1]',
    'https://xn--bcher-kva.example/': 'xn--bcher-kva.example',
    'gs://bucket/object': 'bucket',
    'file:///tmp/x': '',
    'data:text/plain,x': '',
    'urn:uuid:1': '',
  }
  for (const [url, host] of Object.entries(hosts)) assert.equal(urlHost(url), host, url)
})

test('a webhook is http or https with a host', () => {
  for (const url of ['https://a.example/x', 'http://localhost:8080/webhook']) assert.ok(isWebUrl(url))
  for (const url of ['ftp://a.example/', 'file:///x', 'data:,x', 'javascript:alert(1)', 'ws://a.example'])
    assert.ok(!isWebUrl(url))
})

test('never throws, and a host it names is the one the platform connects to', () => {
  const pieces = fc.string({ unit: fc.constantFrom(...'https://good.example@evil\\:[]%2e0x7f.1?#\t é。'.split('')) })
  fc.assert(
    fc.property(pieces, (tail) => {
      const host = urlHost(`https://${tail}`)
      if (host !== undefined) assert.equal(new URL(`https://${tail}`).hostname, host)
    }),
    { interruptAfterTimeLimit: 400, numRuns: 3_000 },
  )
})
