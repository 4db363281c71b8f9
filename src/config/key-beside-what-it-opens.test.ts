// A key-encryption key inside the data directory is in every backup of the records that it opens, and an erasure means
// nothing there. It is refused, however the path is written.

import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { parseConfig } from './config.ts'

const home = temporaryFolder()
const key = Buffer.alloc(32, 7).toString('base64url')
mkdirSync(join(home, 'data/inner'), { recursive: true })
for (const path of ['data/kek', 'data/inner/kek', 'data.kek', 'kek'])
  writeFileSync(join(home, path), key, { mode: 0o600 })
symlinkSync(join(home, 'data'), join(home, 'link'))

const problemsWith = (reference: string, dataDir: string): string[] => {
  const text = `dataDir: ${dataDir}\naudit: { keyEncryptionKey: "${reference}" }\n`
  const loaded = parseConfig(text, join(home, 'sallyport.yaml'), { env: { KEK: key } })
  return loaded.ok ? [] : loaded.problems.map((problem) => problem.message)
}

for (const [reference, dataDir] of [
  ['file:data/kek', './data'],
  ['file:./data/inner/../kek', 'data'],
  ['file:data/inner/kek', './data'],
  [`file:${join(home, 'data/kek')}`, './data'],
  ['file:link/kek', './data'],
  ['file:data/kek', './link'],
] as const) {
  test(`refuses ${reference.replace(home, '')} for ${dataDir}`, () => {
    assert.deepEqual(problemsWith(reference, dataDir), ['lies inside dataDir'])
  })
}

test('accepts a key beside the data directory, above it, or in the environment', () => {
  for (const reference of ['file:data.kek', 'file:kek', 'env:KEK'])
    assert.deepEqual(problemsWith(reference, './data'), [])
})
