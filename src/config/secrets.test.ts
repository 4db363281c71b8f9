import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from '../base/fault.ts'
import { configJsonSchema, resolveSecret } from './config.ts'
import type { SchemaNode } from './config.ts'
import { isSecretPosition, secretPositions } from './secrets.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const folder = temporaryFolder()
const isUnreadable = (error: unknown): boolean => error instanceof Fault && error.code === 'KEY_UNREADABLE'

test('follows file and env references and leaves one newline out', () => {
  for (const [content, expected] of [
    ['a', 'a'],
    ['a\n', 'a'],
    ['a\r\n', 'a'],
    ['a\n\n', 'a\n'],
    [' a ', ' a '],
  ] as const) {
    writeFileSync(join(folder, 'secret'), content)
    assert.equal(resolveSecret('file:secret', folder, {}).toString(), expected)
    assert.equal(resolveSecret('env:S', folder, { S: content }).toString(), expected)
  }
})

test('paths are relative to the configuration file, absolute ones stay', () => {
  mkdirSync(join(folder, 'keys'), { recursive: true })
  writeFileSync(join(folder, 'keys/k'), 'x')
  assert.equal(resolveSecret('file:keys/k', folder, {}).toString(), 'x')
  assert.equal(resolveSecret(`file:${join(folder, 'keys/k')}`, '/', {}).toString(), 'x')
})

test('refuses what is absent, empty, a folder, too large or no reference', () => {
  writeFileSync(join(folder, 'empty'), '\n')
  writeFileSync(join(folder, 'large'), Buffer.alloc(1024 * 1024 + 1))
  for (const reference of [
    'file:absent',
    'file:empty',
    'file:.',
    'file:large',
    'env:ABSENT',
    'env:EMPTY',
    'env:toString',
    'hunter2',
  ]) {
    assert.throws(() => resolveSecret(reference, folder, { EMPTY: '' }), isUnreadable, reference)
  }
})

test("the list of secret positions is the schema's", () => {
  const found: string[] = []
  const walk = (node: SchemaNode, path: string): void => {
    if (node.pattern?.startsWith('^(file:') === true) found.push(path)
    for (const [key, member] of Object.entries(node.properties ?? {}))
      walk(member, path === '' ? key : `${path}.${key}`)
    if (node.items !== undefined) walk(node.items, `${path}.*`)
    for (const member of node.anyOf ?? []) walk(member, path)
  }
  walk(configJsonSchema(), '')
  assert.deepEqual(found.sort(), [...secretPositions].sort())
  assert.ok(isSecretPosition(['agents', 3, 'credential', 'value']))
  assert.ok(!isSecretPosition(['agents', 3, 'url']))
})
