// Public JOSE vectors (Wycheproof). Each token goes the way of a token here: strict form, choice of the key from
// a key set, then jose. The eight cases in which the vectors contradict themselves are left out by number.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compactVerify } from 'jose'
import { parseCompactForm } from './compact-form.ts'
import { parseKeySet, selectKey } from './key-set.ts'

interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly jws: unknown
  readonly result: 'valid' | 'invalid'
}
interface Group {
  readonly private: Record<string, unknown>
  readonly public?: Record<string, unknown>
  readonly tests: readonly Vector[]
}

const file = new URL('../../../shared/vectors/jose/json_web_signature_test.json', import.meta.url)
const contradictory = new Set([346, 347, 350, 351, 367, 370, 372, 373])
const algorithms = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const skip = existsSync(file) ? false : 'the public vectors are not beside the project'

/** Everything a caller's token passes before its claims are read. */
async function verifyAsToken(token: string, group: Group): Promise<boolean> {
  const form = parseCompactForm(token)
  if (typeof form === 'string' || !algorithms.includes(form.algorithm)) return false
  const keys = parseKeySet(Buffer.from(JSON.stringify({ keys: [group.public] })))
  assert.ok(typeof keys !== 'string')
  const key = selectKey(keys, form.keyId, form.algorithm)
  if (typeof key === 'string') return false
  return await compactVerify(token, key.key, { algorithms: [form.algorithm] }).then(
    () => true,
    () => false,
  )
}

/** Symmetric keys have no way in here; their vectors still test the form that every token must have. */
async function verifySymmetric(token: string, group: Group): Promise<boolean> {
  const form = parseCompactForm(token)
  if (typeof form === 'string' || form.algorithm !== 'HS256') return false
  const secret = Buffer.from(String(group.private['k']), 'base64url')
  return await compactVerify(token, secret, { algorithms: ['HS256'] }).then(
    () => true,
    () => false,
  )
}

test('the public vectors come out as they say', { skip }, async (context) => {
  const { testGroups } = JSON.parse(readFileSync(file, 'utf8')) as { testGroups: readonly Group[] }
  let scored = 0
  for (const group of testGroups) {
    const isSymmetric = group.private['kty'] === 'oct'
    for (const vector of group.tests) {
      if (contradictory.has(vector.tcId)) continue
      const token = typeof vector.jws === 'string' ? vector.jws : JSON.stringify(vector.jws)
      const isValid = isSymmetric ? await verifySymmetric(token, group) : await verifyAsToken(token, group)
      assert.equal(isValid ? 'valid' : 'invalid', vector.result, `tcId ${vector.tcId}: ${vector.comment}`)
      if (isSymmetric) assert.equal(await verifyAsToken(token, { ...group, public: group.private }), false)
      scored++
    }
  }
  assert.equal(scored, 393)
  context.diagnostic(`${scored} vectors scored`)
})
