// docs/interop.md speaks of the versions that are installed and run, and of no others.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const pins = [
  ['JavaScript', 'agents/package.json', /"@a2a-js\/sdk": "([\d.]+)"/],
  ['Python', 'test/interop/python/requirements.txt', /^a2a-sdk==([\d.]+) /m],
  ['Go', 'test/interop/go/go.mod', /a2a-go\/v2 v([\d.]+)$/m],
] as const

for (const [language, file, pin] of pins) {
  test(`the page names the pinned version of the ${language} SDK`, () => {
    const version = pin.exec(read(file))?.[1]
    assert.ok(version)
    const row = read('docs/interop.md')
      .split('\n')
      .find((line) => line.startsWith(`| ${language} \``))
    assert.match(row ?? '', new RegExp(`\\| ${version.replaceAll('.', '\\.')} \\|`))
  })
}

test('everything of the Python client is pinned with its hashes', () => {
  const requirements = read('test/interop/python/requirements.txt')
  const packages = requirements.split('\n').filter((line) => /^[a-z]/i.test(line))
  assert.ok(packages.length > 10)
  for (const line of packages) assert.match(line, /^[\w.-]+==[\w.]+ \\$/)
  assert.equal(requirements.split(' \\\n    --hash=sha256:').length > packages.length, true)
})
