// A form that two parsers could read differently: the token of one with the audience of another.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseForm } from './parse-form.ts'

const read = (text: string | Buffer): unknown => {
  const form = parseForm(Buffer.from(text))
  return typeof form === 'string' ? 'refused' : Object.fromEntries(form)
}

test('reads what a form says', () => {
  assert.deepEqual(read('a=1&b=x+y%20z&c=%C3%A9'), { a: '1', b: 'x y z', c: 'é' })
  assert.deepEqual(read('a=urn:x:y&b=a=b'.replace('=b', '%3Db')), { a: 'urn:x:y', b: 'a=b' })
  assert.deepEqual(read(''), {})
  assert.deepEqual(read('a=&b=1'), { b: '1' })
})

test('refuses a parameter twice, however it is spelt', () => {
  for (const text of ['a=1&a=2', 'a=1&a=1', 'a=1&%61=2', 'a=&a=1', 'a=1&b=2&a='])
    assert.equal(read(text), 'refused', text)
})

test('refuses what is no form', () => {
  const bad = [
    'a',
    '=1',
    '&',
    'a=1&',
    '&a=1',
    'a=%',
    'a=%zz',
    'a=%C3',
    'a=%C3%28',
    'a=%ED%A0%80',
    'a=1;b=2&c',
    'a=é',
    'a=1 2',
    'a=b=c',
    'a=%00',
    'a=x%0Ay',
    'a=x\r\n',
    '%=1',
    '{"a":1}',
  ]
  for (const text of bad) assert.equal(read(text), 'refused', JSON.stringify(text))
  assert.equal(read(Buffer.from([0x61, 0x3d, 0xff])), 'refused')
})

test('has a bound', () => {
  const many = (count: number): string => Array.from({ length: count }, (_, at) => `p${at}=1`).join('&')
  assert.equal(read(many(33)), 'refused')
  assert.notEqual(read(many(32)), 'refused')
})
