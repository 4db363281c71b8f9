import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from './config.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const folder = temporaryFolder()
const lay = (name: string, content: string): void => writeFileSync(join(folder, name), content, { mode: 0o600 })

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../../test/fixtures/tls', name), 'utf8')
const own = fixture('server.crt')
lay('own.crt', own)
lay('own.key', fixture('server.key'))
lay('other.key', fixture('client.key'))
lay('chain.crt', own + fixture('ca.crt'))
lay('rubbish', 'rubbish')
lay('broken.crt', own.replace(/\n.{8}/, '\nAAAAAAAA'))
lay('half.crt', `${own}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`)

/** [path, line] of every problem */
function problemsOf(yaml: string, env: Record<string, string> = {}): (string | number)[][] {
  const loaded = parseConfig(yaml, join(folder, 'sallyport.yaml'), { env })
  return loaded.ok ? [] : loaded.problems.map((problem) => [problem.path, problem.line])
}

const agentWith = (settings: string): string => `agents:\n  - name: a\n    url: "https://a"\n    ${settings}\n`

test('a credential that no header can carry is a problem with its place', () => {
  const yaml = agentWith('credential: { value: "env:TOKEN" }')
  for (const value of ['a\nb', 'a\r\nx: y', 'a\u0000', 'a\u007f', ' a', 'a ', 'a\n\n', 'schlüssel', '\ta'])
    assert.deepEqual(problemsOf(yaml, { TOKEN: value }), [['agents[0].credential.value', 4]], JSON.stringify(value))
  for (const value of ['Bearer a.b-c_d', 'x', 'a\tb', 'a\n']) assert.deepEqual(problemsOf(yaml, { TOKEN: value }), [])
})

test("a credential's content is not told", () => {
  const loaded = parseConfig(agentWith('credential: { value: "env:T" }'), join(folder, 'x.yaml'), {
    env: { T: 'hunter2\n\n' },
  })
  assert.doesNotMatch(JSON.stringify(loaded), /hunter2/)
})

test('certificates and keys that can be read are taken, chains too', () => {
  assert.deepEqual(problemsOf('gateway: { tls: { certificate: "file:chain.crt", key: "file:own.key" } }'), [])
  assert.deepEqual(
    problemsOf(agentWith('tls: { ca: "file:chain.crt", certificate: "file:own.crt", key: "file:own.key" }')),
    [],
  )
})

test('what is no certificate is a problem wherever one is wanted', () => {
  for (const file of ['rubbish', 'broken.crt', 'half.crt', 'own.key']) {
    const gateway = `gateway:\n  tls:\n    certificate: "file:${file}"\n    key: "file:own.key"\n    clientCa: "file:${file}"\n`
    assert.deepEqual(
      problemsOf(gateway),
      [
        ['gateway.tls.certificate', 3],
        ['gateway.tls.clientCa', 5],
      ],
      file,
    )
    assert.deepEqual(problemsOf(agentWith(`tls: { ca: "file:${file}" }`)), [['agents[0].tls.ca', 4]], file)
  }
})

test('what is no private key is a problem', () => {
  for (const file of ['rubbish', 'own.crt'])
    assert.deepEqual(problemsOf(`gateway: { tls: { certificate: "file:own.crt", key: "file:${file}" } }`), [
      ['gateway.tls.key', 1],
    ])
})

test('a key of another certificate is a problem, at the gateway and at an agent', () => {
  assert.deepEqual(problemsOf('gateway: { tls: { certificate: "file:own.crt", key: "file:other.key" } }'), [
    ['gateway.tls.key', 1],
  ])
  assert.deepEqual(problemsOf(agentWith('tls: { certificate: "file:chain.crt", key: "file:other.key" }')), [
    ['agents[0].tls.key', 4],
  ])
})
