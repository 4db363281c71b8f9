// docs/canonical-form.md says what becomes of every text of the public JSON parsing suite that a parser may take or not,
// and of the two that it should take and we do not. The scanner does just that.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeUtf8, parseStrictJson } from '../../src/base/strict-json.ts'
import { configSchema } from '../../src/config/config.ts'
import { readFiles, readTable, root } from './files.ts'

const { jsonDepth: maxDepth, jsonNodes: maxNodes } = configSchema.parse({}).gateway.bounds
const vectors = join(root, '../shared/vectors/json')
const skip = existsSync(vectors) ? false : 'shared/vectors/json is absent'
const documented = new Map(
  readTable(readFiles(['docs/canonical-form.md'])[0]?.text ?? '', 'vector').map(([name = '', here = '']) => [
    name,
    here,
  ]),
)

function outcome(name: string): string {
  const text = decodeUtf8(readFileSync(join(vectors, `${name}.json`)))
  if (text === undefined) return 'encoding'
  const result = parseStrictJson(text, { maxDepth, maxNodes })
  return result.ok ? 'accepted' : result.reason
}

const named = (prefix: string): string[] =>
  readdirSync(vectors)
    .filter((file) => file.startsWith(prefix) && file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))

test('every text that a parser may take or not is decided, and decided as it is documented', { skip }, () => {
  for (const name of named('i_')) assert.equal(outcome(name), documented.get(name) ?? 'missing', name)
})

test('every text that a parser must take is taken, but for those that are documented', { skip }, () => {
  const refused = named('y_').filter((name) => outcome(name) !== 'accepted')
  assert.deepEqual(
    refused.toSorted(),
    [...documented.keys()].filter((name) => name.startsWith('y_')),
  )
  for (const name of refused) assert.equal(outcome(name), documented.get(name), name)
  assert.equal(refused.length, 2)
})

test('every text that a parser must refuse is refused', { skip }, () => {
  const all = named('n_')
  assert.ok(all.length > 180)
  for (const name of all) assert.notEqual(outcome(name), 'accepted', name)
})

test('nothing is documented that is no vector', { skip }, () => {
  const all = new Set([...named('i_'), ...named('y_')])
  assert.deepEqual(
    [...documented.keys()].filter((name) => !all.has(name)),
    [],
  )
})
