// Only config reads the environment, and only to follow a reference that the configuration names, or what a document
// lists (SALLYPORT_AGE_IDENTITY, the variables of OpenTelemetry, the address that Kubernetes puts into a pod): no
// variable that nobody wrote down changes what the gateway does.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findInCode, productFiles } from './files.ts'
import { readImports } from './imports.ts'

const readsEnvironment =
  /\bprocess\s*\??\.\s*env\b|\bprocess\s*\[|\bloadEnvFile\b|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/

test('only config reads the environment', () => {
  const files = productFiles().filter(({ path }) => !path.startsWith('src/config/'))
  assert.deepEqual(findInCode(files, readsEnvironment), [])
})

test('nobody takes process from a module, where this rule would not see it', () => {
  const found = productFiles()
    .flatMap(readImports)
    .filter((each) => each.specifier === 'node:process' || each.specifier === 'process')
  assert.deepEqual(found, [])
})

test('catches each way to the environment', () => {
  for (const text of ['process.env.HOME', "process['env']", 'const { env } = process', 'process?.env']) {
    assert.equal(findInCode([{ path: 'src/x.ts', text }], readsEnvironment).length, 1, text)
  }
  for (const text of ['process.pid', 'options.env', '// process.env', 'process.exitCode = 1']) {
    assert.deepEqual(findInCode([{ path: 'src/x.ts', text }], readsEnvironment), [], text)
  }
})
