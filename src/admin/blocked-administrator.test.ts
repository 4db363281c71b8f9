// An administrator who is blocked goes on administering: by the session that he has, or by a token. Neither opens
// anything while the block holds.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bearer, startAdmin } from './fake-admin.ts'

test('a blocked session reads and changes nothing', async () => {
  const door = await startAdmin()
  try {
    const { cookie, fields } = await door.logIn()
    assert.equal((await door.send('/api/v1/session', { cookie })).status, 200)
    const before = door.called.length
    door.blocked.push('admin-bootstrap')
    assert.equal((await door.send('/api/v1/keys', { cookie })).status, 401)
    assert.equal((await door.post('/api/v1/keys', { name: 'ci' }, fields)).status, 401)
    const unblock = { kind: 'caller', id: 'admin-bootstrap', reason: '' }
    assert.equal((await door.post('/api/v1/blocks/remove', unblock, fields)).status, 401)
    assert.equal(door.called.length, before)
    assert.ok(door.unknown.every(({ detail }) => detail.endsWith(': admin-bootstrap is blocked')))
  } finally {
    await door.close()
  }
})

test('a blocked token opens nothing, another does', async () => {
  const door = await startAdmin()
  try {
    door.blocked.push('admin-token:operator')
    assert.equal((await door.send('/api/v1/keys', bearer('operator'))).status, 401)
    assert.equal((await door.send('/api/v1/keys', bearer('admin'))).status, 200)
  } finally {
    await door.close()
  }
})
