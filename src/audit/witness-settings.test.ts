import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { configSchema } from '../config/config.ts'
import { createCosigningKey } from '../tlog/cosignature.ts'
import { fakeKey } from './fake-witness.ts'
import { findWitnessProblems } from './witness-settings.ts'

const url = 'https://witness.example'

function problemsOf(keys: readonly string[], rest: object = {}): string[] {
  const witness = { witnesses: keys.map((key) => ({ key, url })), ...rest }
  return findWitnessProblems(configSchema.parse({ audit: { witness } }).audit.witness).map(({ path }) => path.join('.'))
}

test('as many different witnesses as are required are no problem', () => {
  const pq = createCosigningKey('w.example/3', generateKeyPairSync('ml-dsa-44').privateKey)
  const keys = [fakeKey('w.example/1').vkey, fakeKey('w.example/2').vkey, pq.vkey]
  assert.deepEqual(problemsOf([]), [])
  assert.deepEqual(problemsOf(keys, { require: 3, interval: '1s', maxAge: '10s' }), [])
})

test('names what can never work', () => {
  const key = fakeKey('w.example/1')
  const { privateKey } = generateKeyPairSync('ed25519')
  const [one, alias] = ['w.example/a', 'w.example/b'].map((name) => createCosigningKey(name, privateKey).vkey)
  const sameName = createCosigningKey('w.example/1', generateKeyPairSync('ml-dsa-44').privateKey)
  const wrongHash = key.vkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')
  assert.deepEqual(problemsOf([wrongHash]), ['audit.witness.witnesses.0.key'])
  assert.deepEqual(problemsOf([key.vkey, key.vkey]), ['audit.witness.witnesses.1.key'])
  assert.deepEqual(problemsOf([key.vkey, sameName.vkey]), ['audit.witness.witnesses.1.key'])
  assert.deepEqual(problemsOf([one ?? '', alias ?? '']), ['audit.witness.witnesses.1.key'])
  assert.deepEqual(problemsOf([key.vkey], { require: 2 }), ['audit.witness.require'])
  assert.deepEqual(problemsOf([], { maxAge: '1h' }), ['audit.witness.maxAge'])
  assert.deepEqual(problemsOf([], { atStart: 'required' }), ['audit.witness.atStart'])
  assert.deepEqual(problemsOf([key.vkey], { interval: '1m', maxAge: '1m' }), ['audit.witness.maxAge'])
})
