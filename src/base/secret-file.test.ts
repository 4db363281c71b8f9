import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Fault } from './fault.ts'
import { readOrCreateSecretFile } from './secret-file.ts'

function temporary(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-'))
  context.after(() => rmSync(directory, { recursive: true }))
  return directory
}

test('makes the secret once, for the owner alone', (context) => {
  const directory = temporary(context)
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

test('of two that make it at once the first one counts, for both', (context) => {
  const path = join(temporary(context), 'pepper')
  const late = readOrCreateSecretFile(path, () => {
    writeFileSync(path, 'first')
    return Buffer.from('second')
  })
  assert.deepEqual(late, Buffer.from('first'))
})

test('never replaces what it cannot read', (context) => {
  const directory = temporary(context)
  const isKeyFault = (error: unknown): boolean => error instanceof Fault && error.code === 'KEY_UNREADABLE'
  assert.throws(() => readOrCreateSecretFile(directory, () => Buffer.from('x')), isKeyFault)
  writeFileSync(join(directory, 'file'), '')
  assert.throws(() => readOrCreateSecretFile(join(directory, 'file', 'pepper'), () => Buffer.from('x')), isKeyFault)
})
