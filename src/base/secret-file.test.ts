import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from './fault.ts'
import { readOrCreateSecretFile, readSecretFile, replaceSecretFile } from './secret-file.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

test('makes the secret once, for the owner alone', () => {
  const directory = temporaryFolder()
  const path = join(directory, 'keys', 'pepper')
  assert.deepEqual(
    readOrCreateSecretFile(path, () => Buffer.from('one')),
    Buffer.from('one'),
  )
  assert.deepEqual(
    readOrCreateSecretFile(path, () => Buffer.from('two')),
    Buffer.from('one'),
  )
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(join(directory, 'keys')), ['pepper'])
})

test('of two that make it at once the first one counts, for both', () => {
  const path = join(temporaryFolder(), 'pepper')
  const late = readOrCreateSecretFile(path, () => {
    writeFileSync(path, 'first')
    return Buffer.from('second')
  })
  assert.deepEqual(late, Buffer.from('first'))
})

test('never replaces what it cannot read', () => {
  const directory = temporaryFolder()
  const isKeyFault = (error: unknown): boolean => error instanceof Fault && error.code === 'KEY_UNREADABLE'
  assert.throws(() => readOrCreateSecretFile(directory, () => Buffer.from('x')), isKeyFault)
  writeFileSync(join(directory, 'file'), '')
  assert.throws(() => readOrCreateSecretFile(join(directory, 'file', 'pepper'), () => Buffer.from('x')), isKeyFault)
})

const isKeyFault = (error: unknown): boolean => error instanceof Fault && error.code === 'KEY_UNREADABLE'

test('what is no file, or too large, is a fault and not a file that is missing', () => {
  const folder = temporaryFolder()
  assert.equal(readSecretFile(join(folder, 'none'), 10), undefined)
  writeFileSync(join(folder, 'large'), Buffer.alloc(11))
  assert.throws(() => readSecretFile(join(folder, 'large'), 10), isKeyFault)
  assert.throws(() => readSecretFile(folder, 10), isKeyFault)
})

test('a file is replaced whole, for the owner alone, and a draft that failed is not left behind', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'secret')
  replaceSecretFile(path, Buffer.from('one'))
  replaceSecretFile(path, Buffer.from('two'))
  assert.equal(readFileSync(path, 'utf8'), 'two')
  assert.equal(statSync(path).mode & 0o777, 0o600)
  mkdirSync(join(folder, 'taken'))
  assert.throws(() => replaceSecretFile(join(folder, 'taken'), Buffer.from('x')))
  assert.deepEqual(readdirSync(folder).sort(), ['secret', 'taken'])
})
