import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema, type Config } from '../config/config.ts'
import { describeChangedAliases } from './changed-aliases.ts'

const alice = { name: 'alice', principals: ['user:corp/4f1c', 'key:laptop'] }
const bob = { name: 'bob', principals: ['user:corp/5', 'key:bob'] }
const config = (...aliases: { name: string; principals: string[] }[]): Config => configSchema.parse({ aliases })

test('says what was added and what was removed, and nothing where nothing was', () => {
  assert.equal(describeChangedAliases(config(), config()), undefined)
  assert.equal(describeChangedAliases(config(alice, bob), config(bob, alice)), undefined)
  assert.deepEqual(describeChangedAliases(config(alice), config(bob)), { added: [bob], removed: [alice] })
})

test('an alias of other members, or of another first one, was removed and added', () => {
  for (const principals of [
    ['user:corp/4f1c', 'key:laptop', 'key:phone'],
    ['key:laptop', 'user:corp/4f1c'],
  ])
    assert.deepEqual(describeChangedAliases(config(alice), config({ ...alice, principals })), {
      added: [{ ...alice, principals }],
      removed: [alice],
    })
})
