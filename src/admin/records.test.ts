import assert from 'node:assert/strict'
import test from 'node:test'
import { bearer, startAdmin } from './fake-admin.ts'

const records = [5, 4, 4, 4, 3, 2, 2, 1].map((at, place) => ({
  log: '0a0b0c0d',
  index: 100 - place,
  time: new Date(at).toISOString(),
  kind: 'decision',
  call: '',
  caller: 'key:ci',
  origin: 'key:ci',
  agent: 'calculator',
  operation: 'SendMessage',
  outcome: 'allowed',
  code: '',
}))

test('pages of a search leave nothing out and give nothing twice, also within one millisecond', async () => {
  for (const limit of [1, 2, 3, 8, 9]) {
    const { send, close } = await startAdmin({ records })
    try {
      const indices: number[] = []
      let after = ''
      do {
        const { status, body } = await send(`/api/v1/records?limit=${limit}${after}`, bearer('auditor'))
        assert.equal(status, 200)
        for (const { index } of body['items'] as { index: number }[]) indices.push(index)
        after = body['next'] === null ? '' : `&after=${body['next'] as string}`
      } while (after !== '')
      assert.deepEqual(
        indices,
        records.map(({ index }) => index),
        `limit ${limit}`,
      )
    } finally {
      await close()
    }
  }
})

test('a search is asked for what the query says and nothing else', async () => {
  const { send, called, close } = await startAdmin({ records })
  try {
    const query = 'caller=key:ci&operation=Send*&sinceMs=1&untilMs=9&limit=10'
    assert.equal((await send(`/api/v1/records?${query}`, bearer('auditor'))).status, 200)
    const asked = { caller: 'key:ci', operation: 'Send*', sinceMs: 1, untilMs: 9 }
    assert.deepEqual(called[0]?.params, { query: asked, limit: 11 })
    for (const wrong of [
      'sinceMs=x',
      'sinceMs=-1',
      'limit=0',
      'after=1',
      'after=1.',
      'after=x.y',
      'where=1',
      'caller=',
    ])
      assert.equal((await send(`/api/v1/records?${wrong}`, bearer('auditor'))).status, 400, wrong)
    for (const role of ['viewer', 'operator'] as const)
      assert.equal((await send('/api/v1/records', bearer(role))).status, 403)
    assert.equal(called.length, 1)
  } finally {
    await close()
  }
})
