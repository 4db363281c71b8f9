// Holds src/ to the table of boundaries, and the table to its word: fakes of files with a forbidden edge or a
// bypassed door must be caught, or the rule protects nothing.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findViolations, folderOf, stages, table } from './boundaries.ts'
import { exists, listFiles, productFiles } from './files.ts'
import { readImports } from './imports.ts'

const judge = (path: string, text: string): string[] => findViolations([{ path, text }]).map(({ message }) => message)

const assertCaught = (path: string, text: string, part: RegExp): void => {
  const messages = judge(path, text)
  assert.equal(messages.length, 1, `${path}: ${text}`)
  assert.match(messages[0] ?? '', part)
}

test('the product keeps to the table of boundaries', () => {
  assert.deepEqual(findViolations(productFiles()), [])
})

test('every folder of src has a row with a reason, and a door', () => {
  const folders = [...new Set(listFiles('src').map(folderOf))].toSorted()
  for (const folder of folders) {
    assert.ok(Object.hasOwn(table, folder), `src/${folder} has no row`)
    assert.notEqual(table[folder]?.why, '')
  }
  for (const folder of folders.filter((each) => !['base', 'a2a', 'faces', 'tlog', 'protobuf'].includes(each))) {
    assert.ok(exists(`src/${folder}/${folder}.ts`), `src/${folder} has no door`)
  }
})

test('no row names a folder that is neither there nor planned', () => {
  const planned = ['detect']
  for (const [folder, row] of Object.entries(table)) {
    for (const other of [folder, ...row.may, ...(row.mayTypes ?? [])]) {
      assert.ok(planned.includes(other) || exists(`src/${other}`), `${folder}: ${other}`)
    }
  }
})

test('refuses a stage that imports another stage', () => {
  for (const stage of stages) {
    const other = stage === 'limit' ? 'route' : 'limit'
    assertCaught(`src/${stage}/x.ts`, `import { limit } from '../${other}/${other}.ts'`, /may import nothing of/)
  }
})

test('refuses a stage that imports even a type of another stage', () => {
  assertCaught('src/route/x.ts', `import type { Limiter } from '../limit/limit.ts'`, /may import nothing of limit/)
})

test('refuses a door that is bypassed', () => {
  assertCaught('src/pipeline/x.ts', `import { decide } from '../authorize/decide.ts'`, /goes around the door/)
  assertCaught('src/serve/x.ts', `import type { Writer } from '../audit/ledger.ts'`, /goes around the door/)
  assertCaught('src/listen/x.ts', `import { z } from '../config/schema.ts'`, /goes around the door/)
})

test('refuses a door that is bypassed by a re-export or a dynamic import', () => {
  assertCaught('src/pipeline/x.ts', `export { decide } from '../authorize/decide.ts'`, /goes around the door/)
  assertCaught('src/pipeline/x.ts', `const m = await import('../authorize/decide.ts')`, /goes around the door/)
})

test('refuses an import that spans lines or follows a comment', () => {
  assertCaught('src/route/x.ts', `import {\n  a,\n  b,\n} from '../limit/limit.ts'`, /nothing of limit/)
  assertCaught('src/route/x.ts', `// why\nimport { a } from '../limit/limit.ts' // so`, /nothing of limit/)
})

test('refuses an import for its effects alone', () => {
  assertCaught('src/route/x.ts', `import '../limit/limit.ts'`, /nothing of limit/)
})

test('refuses values where only types are allowed', () => {
  assertCaught('src/store/x.ts', `import { authorize } from '../authorize/authorize.ts'`, /only types of authorize/)
  assertCaught('src/store/x.ts', `import { authorize, type Owned } from '../authorize/authorize.ts'`, /only types/)
  assertCaught('src/exchange/x.ts', `import { loadConfig } from '../config/config.ts'`, /only types of config/)
  assertCaught('src/serve/x.ts', `import { ports } from '../cli/ports.ts'`, /only types/)
})

test('refuses the admin side and adapters in the walk, and agents in the admin side', () => {
  assertCaught('src/pipeline/x.ts', `import { createAdmin } from '../admin/admin.ts'`, /nothing of admin/)
  assertCaught('src/pipeline/x.ts', `import type { OwnershipIndex } from '../store/store.ts'`, /nothing of store/)
  assertCaught('src/admin/x.ts', `import { forward } from '../forward/forward.ts'`, /nothing of forward/)
})

test('refuses a command that reaches past its ports', () => {
  assertCaught('src/cli/x.ts', `import { createPorts } from '../serve/serve.ts'`, /only src\/cli\/main.ts/)
  assertCaught('src/cli/x.ts', `import { openLedger } from '../audit/audit.ts'`, /nothing of audit/)
})

test('refuses a product file that imports a test, a fake or something outside src', () => {
  assertCaught('src/route/x.ts', `import { fake } from './fake-call.ts'`, /imports a test/)
  assertCaught('src/route/x.ts', `import './route.test.ts'`, /imports a test/)
  assertCaught('src/route/x.ts', `import { f } from '../../test/fakes/exchange.ts'`, /leaves src/)
})

test('refuses a folder that nobody has written a row for', () => {
  assertCaught('src/novel/x.ts', `import { a } from '../base/bytes.ts'`, /has no row/)
  assertCaught('src/route/x.ts', `import { a } from '../novel/novel.ts'`, /nothing of novel/)
})

test('refuses a name that is computed at run time', () => {
  assertCaught('src/route/x.ts', `const name = '../limit/limit.ts'; await import(name)`, /only known at run time/)
  assertCaught('src/route/x.ts', `require('../limit/limit.ts')`, /only known at run time/)
})

test('lets through what the table allows', () => {
  const allowed: [string, string][] = [
    ['src/route/x.ts', `import { matchRestPath } from '../a2a/paths.ts'`],
    ['src/route/x.ts', `import type { Snapshot } from '../config/config.ts'`],
    ['src/route/x.ts', `import { y } from './y.ts'`],
    ['src/store/x.ts', `import type { OwnershipReader } from '../authorize/authorize.ts'`],
    ['src/store/x.ts', `import { type KeyStore, type KeyRecord } from '../authenticate/authenticate.ts'`],
    ['src/serve/x.ts', `import type { Ports } from '../cli/ports.ts'`],
    ['src/cli/main.ts', `const { createPorts } = await import('../serve/serve.ts')`],
    ['src/route/x.ts', `// import { limit } from '../limit/limit.ts'`],
    ['src/route/x.ts', `export const path = '../limit/limit.ts'`],
    ['src/route/x.ts', `export const told = { about: 'where it came from', path: '../limit/limit.ts' }`],
  ]
  for (const [path, text] of allowed) assert.deepEqual(judge(path, text), [], text)
})

test('tells types from values, name by name', () => {
  const types = (text: string): boolean[] => readImports({ path: 'src/a/a.ts', text }).map((each) => each.isTypesOnly)
  assert.deepEqual(types(`import type { A } from './b.ts'`), [true])
  assert.deepEqual(types(`import { type A, type B } from './b.ts'`), [true])
  assert.deepEqual(types(`import { type A, b } from './b.ts'`), [false])
  assert.deepEqual(types(`import b, { type A } from './b.ts'`), [false])
  assert.deepEqual(types(`export type { A } from './b.ts'`), [true])
  assert.deepEqual(types(`export * from './b.ts'`), [false])
})
