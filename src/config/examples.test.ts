import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { effectiveConfig, formatEffective, loadConfig, parseConfig, readPolicyTests } from './config.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const examples = join(import.meta.dirname, '../../examples')
const folder = temporaryFolder()
const names = readdirSync(examples).filter((name) => name.endsWith('.yaml') && !name.endsWith('-tests.yaml'))

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../test/fixtures/tls', name), 'utf8')
function contentOf(name: string): string {
  if (/\.(crt|pem)$/.test(name)) return fixture('server.crt')
  if (name.endsWith('.token')) return 'x'.repeat(64)
  return name.endsWith('.key') ? fixture('server.key') : '{"keys":[{}]}\n'
}

test('there are examples', () => assert.ok(names.length >= 4))

for (const name of names) {
  test(`examples/${name} loads and means what its golden half says`, async () => {
    const file = join(folder, name)
    cpSync(join(examples, name), file)
    for (const [, reference = ''] of readFileSync(file, 'utf8').matchAll(/file:([\w.-]+)/g)) {
      writeFileSync(join(folder, reference), contentOf(reference), { mode: 0o600 })
    }
    const loaded = await loadConfig(file, { env: { LEDGER_KEY: 'secret' } })
    assert.ok(loaded.ok, JSON.stringify(loaded))
    assert.deepEqual(loaded.warnings, [])
    assert.deepEqual(
      JSON.parse(JSON.stringify(loaded.config)),
      JSON.parse(readFileSync(join(examples, name.replace('.yaml', '.json')), 'utf8')),
    )
  })

  test(`what is effective of examples/${name}, written out, means the same`, async () => {
    const loaded = await loadConfig(join(folder, name), { env: { LEDGER_KEY: 'secret' } })
    assert.ok(loaded.ok)
    const text = formatEffective(effectiveConfig(loaded, { withDefaults: true }))
    const again = parseConfig(text, join(folder, name), { env: { LEDGER_KEY: 'secret' } })
    assert.ok(again.ok, JSON.stringify(again))
    assert.deepEqual(again.config, loaded.config)
    assert.match(text, /listen: .* # default|listen:/)
  })
}

test('says of each value whether the file or a default gave it', () => {
  const loaded = parseConfig('gateway: { bounds: { body: 2MiB } }', join(folder, 'x.yaml'))
  assert.ok(loaded.ok)
  const { sources } = effectiveConfig(loaded, { withDefaults: true })
  assert.equal(sources?.['gateway.bounds.body'], 'file')
  assert.equal(sources?.['gateway.bounds.head'], 'default')
  assert.equal(sources?.['limits'], 'default')
})

for (const name of readdirSync(examples).filter((each) => each.endsWith('-tests.yaml'))) {
  test(`examples/${name} is a file of expectations`, () => {
    const read = readPolicyTests(readFileSync(join(examples, name), 'utf8'))
    assert.ok(read.ok && read.tests.length > 0, JSON.stringify(read))
  })
}
