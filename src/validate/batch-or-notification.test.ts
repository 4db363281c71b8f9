// The attack: a batch hides a second call behind the first; a request without id is executed by some agents although
// nobody would hear of it (seen in js). Both are refused whole.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { fakeRouted, rpcText, sendParams } from './fake-routed.ts'
import { requestIdOf, validate } from './validate.ts'

const call = rpcText('SendMessage', sendParams())
const silent = rpcText('SendMessage', sendParams(), { id: undefined })

for (const body of [
  '[]',
  `[${call}]`,
  `[${call},${call}]`,
  `[[${call}]]`,
  silent,
  `[${silent}]`,
  rpcText('CancelTask', { id: 't' }, { id: undefined, ID: 1 }),
]) {
  test(`refuses ${body.slice(0, 50)}`, async () => {
    const result = await validate(fakeRouted({ body }))
    assert.ok(isRefusal(result))
    assert.equal(result.code, 'VALIDATE_REQUEST')
    assert.equal(requestIdOf(result), 'null')
  })
}
