import assert from 'node:assert/strict'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { makeFolder } from './make-folder.ts'

test('makes a folder and those above it, for its owner alone', () => {
  const root = temporaryFolder()
  const path = join(root, 'a', 'b', 'c')
  makeFolder(path)
  for (const made of [path, join(root, 'a')]) assert.equal(statSync(made).mode & 0o777, 0o700)
})

test('leaves what is there as it is', () => {
  const root = temporaryFolder()
  writeFileSync(join(root, 'kept'), 'x')
  makeFolder(root)
  assert.ok(existsSync(join(root, 'kept')))
})

test('refuses where a file is in the way', () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  assert.throws(() => makeFolder(file), { code: 'EEXIST' })
  assert.throws(() => makeFolder(join(file, 'below')), { code: 'ENOTDIR' })
})

test(
  'ends with an error, and at once, where no folder can ever be made',
  { skip: process.platform !== 'linux' },
  () => {
    assert.throws(() => makeFolder('/proc/sallyport/data'), { code: 'ENOENT' })
    assert.throws(() => makeFolder('/proc/sallyport'), { code: 'ENOENT' })
  },
)
