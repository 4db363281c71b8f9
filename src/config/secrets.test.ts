import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from '../base/fault.ts'
import { configJsonSchema, SecretReader, secretPositions } from './config.ts'
import type { SchemaNode } from './config.ts'
import { isSecretPosition } from './secret-positions.ts'
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
    assert.equal(new SecretReader(folder, {}).resolve('file:secret').text(), expected)
    assert.equal(new SecretReader(folder, { S: content }).resolve('env:S').text(), expected)
  }
})

test('paths are relative to the configuration file, absolute ones stay', () => {
  mkdirSync(join(folder, 'keys'), { recursive: true })
  writeFileSync(join(folder, 'keys/k'), 'x')
  assert.equal(new SecretReader(folder, {}).resolve('file:keys/k').text(), 'x')
  assert.equal(new SecretReader('/', {}).resolve(`file:${join(folder, 'keys/k')}`).text(), 'x')
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
    assert.throws(() => new SecretReader(folder, { EMPTY: '' }).resolve(reference), isUnreadable, reference)
  }
})

test('secret positions are those of the JSON schema, alternatives included', () => {
  const found: string[] = []
  const walk = (node: SchemaNode, path: string): void => {
    if (node.pattern?.startsWith('^(file:') === true) found.push(path)
    for (const [key, member] of Object.entries(node.properties ?? {}))
      walk(member, path === '' ? key : `${path}.${key}`)
    if (node.items !== undefined) walk(node.items, `${path}.*`)
    for (const member of [...(node.anyOf ?? []), ...(node.oneOf ?? [])]) walk(member, path)
  }
  walk(configJsonSchema(), '')
  assert.deepEqual([...new Set(found)].sort(), [...secretPositions()].sort())
  assert.ok(secretPositions().includes('audit.export.*.authorization'))
  assert.ok(isSecretPosition(['agents', 3, 'credential', 'value']))
  assert.ok(!isSecretPosition(['agents', 3, 'url']))
})
