// docs/errors.md is what callers and operators read; the catalogue is what runs. They say the same, both ways.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalogue } from '../../src/refusal/refusal.ts'
import { productFiles, readFiles, readTable, withoutComments } from './files.ts'

const documented = new Map(
  readTable(readFiles(['docs/errors.md'])[0]?.text ?? '', 'code').map(([code = '', ...cells]) => [code, cells]),
)

test('every refusal is documented, and nothing else is', () => {
  assert.deepEqual([...documented.keys()], Object.keys(catalogue))
})

test('the documented codes, statuses and sentences are those of the catalogue', () => {
  for (const [code, row] of Object.entries(catalogue)) {
    const { http, jsonRpcHttp, jsonRpc, grpc, reason, publicMessage } = row
    const expected = [String(http), String(jsonRpcHttp), String(jsonRpc), grpc, reason, publicMessage]
    assert.deepEqual(documented.get(code)?.slice(0, 6), expected, code)
  }
})

test('every refusal says when it is given', () => {
  for (const [code, cells] of documented) assert.match(cells[6] ?? '', /\w{3}/, code)
})

test('a refusal is given somewhere, or its line says that it is not given yet', () => {
  const code = productFiles()
    .filter(({ path }) => path !== 'src/refusal/refusal.ts')
    .map(({ text }) => withoutComments(text))
    .join('\n')
  for (const [name, cells] of documented) {
    assert.equal(code.includes(`'${name}'`), !(cells[6] ?? '').startsWith('not given yet'), name)
  }
})
