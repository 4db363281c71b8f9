// The attack: a Part with `text` and `url`. A rule that forbids files looks at the one, the agent takes the other
// (js silently prefers text, others the last).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRefusal } from '../refusal/refusal.ts'
import { fakeRouted, rpcText, sendParams } from './fake-routed.ts'
import { validate } from './validate.ts'

const members: Readonly<Record<string, unknown>> = {
  text: 'hello',
  raw: 'AAEC',
  url: 'https://evil.example/x',
  data: { a: 1 },
}
const names = Object.keys(members)

for (const first of names) {
  for (const second of names.filter((name) => name > first)) {
    test(`refuses a part that is ${first} and ${second}`, async () => {
      const params = sendParams({ parts: [{ text: 'fine' }, { [first]: members[first], [second]: members[second] }] })
      for (const request of [
        { body: rpcText('SendMessage', params) },
        { body: JSON.stringify(params), rest: { operation: 'SendMessage' as const } },
      ]) {
        const result = await validate(fakeRouted(request))
        assert.equal(isRefusal(result) && result.code, 'VALIDATE_PARAMS')
      }
    })
  }
}

test('a null member counts, because some parsers count it', async () => {
  for (const part of [
    { text: 'x', data: null },
    { url: 'https://a.example', text: null },
  ]) {
    const result = await validate(fakeRouted({ body: rpcText('SendMessage', sendParams({ parts: [part] })) }))
    assert.equal(isRefusal(result) && result.code, 'VALIDATE_PARAMS')
  }
})
