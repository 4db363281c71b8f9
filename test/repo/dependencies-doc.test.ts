// Every dependency has a line in docs/dependencies.md that says why it is here and who may import it; the folders named
// there are the only ones that do. A package that nobody imports or documents does not stay unnoticed.

import assert from 'node:assert/strict'
import { builtinModules } from 'node:module'
import { test } from 'node:test'
import { listFiles, productFiles, readFiles, readTable, type SourceFile } from './files.ts'
import { readImports } from './imports.ts'

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const [rootManifest, agentsManifest] = readFiles(['package.json', 'agents/package.json']).map(
  // our own two files, which npm has read before
  ({ text }) => JSON.parse(text) as Manifest,
)
const names = (...lists: (Readonly<Record<string, string>> | undefined)[]): string[] =>
  lists.flatMap((list) => Object.keys(list ?? {})).toSorted()

const document = readFiles(['docs/dependencies.md'])[0]?.text ?? ''
const rows = (header: string): string[][] => readTable(document, header)
const documented = {
  runtime: rows('package'),
  tools: rows('tool'),
  agents: rows('package of the sample agents'),
}

const packageOf = (specifier: string): string => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier

/** package → folders that import it */
function findUsers(files: readonly SourceFile[], folder: (path: string) => string): Map<string, Set<string>> {
  const users = new Map<string, Set<string>>()
  for (const each of files.flatMap(readImports)) {
    if (each.target !== undefined || each.specifier.startsWith('node:')) continue
    const name = packageOf(each.specifier)
    users.set(name, (users.get(name) ?? new Set()).add(folder(each.from)))
  }
  return users
}

const usersInProduct = findUsers(productFiles(), (path) => path.split('/')[1] ?? '')

test('every dependency of the gateway is documented, and nothing else is', () => {
  const first = documented.runtime.map(([name = '']) => name).toSorted()
  assert.deepEqual(first, names(rootManifest?.dependencies))
})

test('every tool is documented, and nothing else is', () => {
  const first = documented.tools.map(([name = '']) => name).toSorted()
  assert.deepEqual(first, names(rootManifest?.devDependencies, rootManifest?.optionalDependencies))
})

test('every dependency of the sample agents is documented, and nothing else is', () => {
  const first = documented.agents.map(([name = '']) => name).toSorted()
  assert.deepEqual(first, names(agentsManifest?.dependencies, agentsManifest?.devDependencies))
})

test('every line says why, and what we would write instead', () => {
  for (const [name = '', why, instead] of [...documented.runtime, ...documented.tools, ...documented.agents]) {
    assert.match(why ?? '', /\w{3}/, name)
    assert.match(instead ?? '', /\w{3}/, name)
  }
})

test('a package is imported by the folders that its line names, and by no other', () => {
  for (const [name = '', , , who = ''] of documented.runtime) {
    const folders = who.split(',').map((folder) => folder.trim().replaceAll('`', ''))
    assert.deepEqual([...(usersInProduct.get(name) ?? [])].toSorted(), folders.toSorted(), name)
  }
})

test('the product imports nothing that is not a dependency of it', () => {
  const known = names(rootManifest?.dependencies)
  assert.deepEqual(
    [...usersInProduct.keys()].filter((name) => !known.includes(name)),
    [],
  )
})

test('the sample agents import nothing that is not a dependency of them', () => {
  const files = readFiles(listFiles('agents/src').filter((path) => path.endsWith('.ts')))
  const known = names(agentsManifest?.dependencies)
  assert.deepEqual(
    [...findUsers(files, () => 'agents').keys()].filter((name) => !known.includes(name)),
    [],
  )
})

test('built-in modules are named with node:, so that no package can take their place', () => {
  const bare = productFiles()
    .flatMap(readImports)
    .filter(
      (each) =>
        each.target === undefined && !each.specifier.startsWith('node:') && builtinModules.includes(each.specifier),
    )
  assert.deepEqual(bare, [])
})

test('every version is exact, so that the lock file is not the only one who knows', () => {
  for (const manifest of [rootManifest, agentsManifest]) {
    const { dependencies, devDependencies, optionalDependencies } = manifest ?? {}
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
      assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name)
    }
  }
})
