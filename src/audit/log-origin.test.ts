import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatOrigin, isLogName, parseOrigin } from './log-origin.ts'

test('an origin leads back to the folder of its log', () => {
  for (const name of ['00000000', '5a11e001', 'ffffffff']) {
    assert.equal(isLogName(name), true)
    assert.equal(parseOrigin(formatOrigin(name)), name)
  }
})

test('what is no origin of ours names no folder', () => {
  for (const text of [
    '',
    '5a11e001',
    'sallyport.local/',
    'sallyport.local/5a11e00',
    'sallyport.local/5a11e0011',
    'sallyport.local/5A11E001',
    'sallyport.local/5a11e001\n',
    'sallyport.local/5a11e001/7',
    'sallyport.local/../../etc',
    'sallyport.local//5a11e001',
    ' sallyport.local/5a11e001',
    'sallyport.localx5a11e001',
    'other.example/5a11e001',
  ])
    assert.equal(parseOrigin(text), undefined, text)
})
