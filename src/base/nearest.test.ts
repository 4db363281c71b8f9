import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.ts'

const words = ['gateway', 'agents', 'policy', 'create', 'rotate']

test('finds the word that was meant, whatever the slip', () => {
  assert.equal(nearest('gatewya', words), 'gateway')
  assert.equal(nearest('agent', words), 'agents')
  assert.equal(nearest('polcy', words), 'policy')
  assert.equal(nearest('CREATE', words), 'create')
})

test('suggests nothing where nothing is near', () => {
  assert.equal(nearest('zzzzzz', words), undefined)
  assert.equal(nearest('', words), undefined)
  assert.equal(nearest('x'.repeat(100_000), words), undefined)
})
