import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { drawKeyId, drawKeySecret, formatApiKey, parseApiKey } from './api-key.ts'

const known = 'sp_live_0123456789AB_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG'

test('has a fixed form', () => {
  const key = formatApiKey('live', { id: '0123456789AB', secret: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' })
  assert.ok(key.startsWith(known))
  assert.match(key, /^sp_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
  assert.deepEqual(parseApiKey(key, 'live'), {
    id: '0123456789AB',
    secret: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG',
  })
})

test('any single changed character is found offline', () => {
  const key = formatApiKey('live', { id: drawKeyId(randomBytes), secret: drawKeySecret(randomBytes) })
  for (let i = 0; i < key.length; i++) {
    const changed = key.slice(0, i) + (key[i] === 'x' ? 'y' : 'x') + key.slice(i + 1)
    assert.equal(typeof parseApiKey(changed, 'live'), 'string')
  }
})

test('refuses what only looks like a key', () => {
  const key = formatApiKey('live', { id: drawKeyId(randomBytes), secret: drawKeySecret(randomBytes) })
  for (const text of [
    '',
    'sp_',
    'sp___',
    'sp_live__',
    `${key}0`,
    key.slice(0, -1),
    `${key}\n`,
    ` ${key}`,
    key.replace('sp_', 'SP_'),
    key.replace('_live_', '__'),
    key.replace('_live_', '_li_ve_'),
    key.replaceAll('_', '-'),
  ]) {
    assert.equal(parseApiKey(text, 'live'), 'malformed')
  }
})

test('no two keys are drawn alike', () => {
  const drawn = new Set(Array.from({ length: 1000 }, () => drawKeySecret(randomBytes)))
  assert.equal(drawn.size, 1000)
})
