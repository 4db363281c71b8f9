// An operator makes, imports or rotates a key with which one could approve, be an agent or be somebody known: that takes
// an admin. Taking such a key away does not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigInput } from '../config/config.ts'
import { bearer, startAdmin } from './fake-admin.ts'

const configs: readonly [what: string, config: ConfigInput][] = [
  ['an approver', { approvals: { approvers: ['key:ci'] } }],
  ['one of all keys, which approve', { approvals: { approvers: ['key:*'] } }],
  ['an approver of erasures', { audit: { erasure: { approvers: ['key:ci'] } } }],
  ['an agent', { agents: [{ name: 'bot', url: 'http://127.0.0.1:9', principals: ['key:ci'] }] }],
  ['a person with other names', { aliases: [{ name: 'ann', principals: ['user:corp/ann', 'key:ci'] }] }],
]
const makings: readonly [path: string, body: object][] = [
  ['/api/v1/keys', { name: 'ci' }],
  ['/api/v1/keys/import', { name: 'ci', key: 'sp_live_x' }],
  ['/api/v1/keys/rotate', { name: 'ci', overlapMs: 0 }],
  // the id of the same key
  ['/api/v1/keys/rotate', { name: 'abc', overlapMs: 0 }],
]

for (const [what, config] of configs)
  test(`the key of ${what}`, async () => {
    const door = await startAdmin({ config })
    try {
      for (const [path, body] of makings) {
        const reached = (): number => door.called.filter(({ method }) => /^key\.(?!list)/.test(method)).length
        const before = reached()
        const answer = await door.post(path, body, bearer('operator'))
        assert.equal(answer.status, 403, `${path} ${answer.text}`)
        assert.equal(reached(), before)
        assert.match(String(door.acts.at(-1)?.action), /refused$/)
        assert.equal((await door.post(path, body, bearer('admin'))).status, 200, path)
      }
      assert.equal((await door.post('/api/v1/keys/revoke', { name: 'ci' }, bearer('operator'))).status, 200)
    } finally {
      await door.close()
    }
  })

test('any other key is made by an operator', async () => {
  const door = await startAdmin({ config: { approvals: { approvers: ['key:boss', 'user:*'] } } })
  try {
    assert.equal((await door.post('/api/v1/keys', { name: 'carol' }, bearer('operator'))).status, 200)
  } finally {
    await door.close()
  }
})
