import assert from 'node:assert/strict'
import test from 'node:test'
import { bearer, startAdmin } from './fake-admin.ts'

test('a path has one form, and nothing leads around the checks', async () => {
  const { send, called, close } = await startAdmin()
  const odd = [
    '/api/v1//keys',
    '//api/v1/keys',
    '/api//v1/keys',
    '/api/v1/keys/',
    '/api/v1/./keys',
    '/api/v1/status/../keys',
    '/api/v1/%2e%2e/keys',
    '/api/v1/status/%2e%2e/keys',
    '/api/v1/%6beys',
    '/api/v1/keys%2f',
    '/api/v1/keys%00',
    '/api/v1/keys;x=1',
    '/api/v1/keys.json',
    '/api/v1/KEYS',
    '/API/v1/keys',
    '/api/v1/keys\\',
    '/api/v1\\keys',
    '/healthz/../api/v1/keys',
    '/api/v1/:name',
    '/api/v1/*',
    '/api/v1/__proto__',
    '/api/v1/constructor',
    'api/v1/keys',
    'http://127.0.0.1/api/v1/keys',
  ]
  try {
    for (const path of odd) {
      for (const fields of [bearer('admin'), {}]) {
        const answer = await send(path, fields)
        assert.ok([400, 401, 404].includes(answer.status), `${path} ${answer.status}`)
        assert.doesNotMatch(answer.text, /"items"/)
      }
    }
    assert.deepEqual(called, [])
    assert.equal((await send('/api/v1/keys', bearer('admin'))).status, 200)
  } finally {
    await close()
  }
})

test('only the methods of a route are answered', async () => {
  const { send, called, acts, close } = await startAdmin()
  try {
    for (const method of ['HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'SEARCH']) {
      const answer = await send('/api/v1/keys', bearer('admin'), method)
      assert.equal(answer.status, 405, method)
      assert.deepEqual(answer.headers['allow'], ['GET, POST'])
      assert.doesNotMatch(answer.text, /"items"/)
      assert.equal((await send('/api/v1/keys', {}, method)).status, 401, method)
    }
    assert.equal((await send('/api/v1/status', bearer('admin'), 'POST')).status, 405)
    assert.deepEqual(called, [])
    assert.equal(acts.filter(({ action }) => action === 'admin.call.refused').length, 9)
  } finally {
    await close()
  }
})

test('no field and no parameter puts another method in the place of the real one', async () => {
  const { send, post, called, close } = await startAdmin()
  const fields = { 'x-http-method-override': 'POST', 'x-http-method': 'POST', 'x-method-override': 'POST' }
  try {
    assert.equal((await send('/api/v1/keys/revoke', { ...bearer('admin'), ...fields })).status, 405)
    assert.equal((await send('/api/v1/keys?_method=POST', { ...bearer('admin'), ...fields })).status, 400)
    const answer = await post('/api/v1/keys', { name: 'ci' }, { ...bearer('viewer'), 'x-http-method-override': 'GET' })
    assert.equal(answer.status, 403)
    assert.deepEqual(called, [])
  } finally {
    await close()
  }
})
