import assert from 'node:assert/strict'
import { test } from 'node:test'
import { format, inspect } from 'node:util'
import { Secret } from './secret.ts'

test('a secret is shown as such, however deep it lies and however it is printed', () => {
  const secret = Secret.ofText('hunter2')
  const holder = { list: [secret], map: new Map([['k', secret]]) }
  const error = Object.assign(new Error('failed', { cause: { secret } }), { holder })
  const options = { depth: Infinity, showHidden: true, getters: true }
  const printed = [
    `${String(secret)} ${JSON.stringify(holder)}`,
    inspect(secret, options),
    inspect(holder, options),
    inspect(error, options),
    format('%s %o %j', secret, secret, secret),
    JSON.stringify(structuredClone({ secret })),
  ].join('\n')
  for (const form of ['hunter2', Buffer.from('hunter2').toString('hex'), Buffer.from('hunter2').toString('base64')])
    assert.ok(!printed.includes(form), form)
  assert.match(printed, /\[secret\]/)
  assert.equal(secret.text(), 'hunter2')
  assert.deepEqual(secret.bytes(), Buffer.from('hunter2'))
})
