// A file is named after what it does, in kebab-case. A name that would fit anything means that the module is wrong
// (style §4). Data that others laid down under test/golden keeps its names.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listFiles } from './files.ts'

const banned = ['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'misc', 'stuff']
/** fine as a part of a name, not as the whole of it: a door bears the name of its folder */
const bannedAlone = /^index\./
const kebab = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/
const capitals =
  /^(README|ARCHITECTURE|STYLE|SECURITY|CHANGELOG|CONTRIBUTING)\.md$|^(LICENSE|NOTICE|CODEOWNERS|Dockerfile)$/

function findProblems(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const segments = path.split('/')
    return segments.flatMap((segment) => {
      if (!kebab.test(segment) && !capitals.test(segment)) return [`${path}: ${segment} is not kebab-case`]
      const word = bannedAlone.test(segment) ? segment : segment.split(/[-.]/).find((each) => banned.includes(each))
      return word === undefined ? [] : [`${path}: "${word}" says nothing`]
    })
  })
}

test('every file and folder has a name that says what it does', () => {
  assert.deepEqual(findProblems(listFiles().filter((path) => !path.startsWith('test/golden/'))), [])
})

test('catches names that would fit anything, and names in another spelling', () => {
  const bad = ['src/base/utils.ts', 'src/misc/x.ts', 'src/key-manager.ts', 'src/a/test-helpers.ts', 'src/index.ts']
  for (const path of [...bad, 'src/verifyCard.ts', 'src/verify_card.ts', 'src/Card.ts']) {
    assert.equal(findProblems([path]).length, 1, path)
  }
  for (const path of ['src/base/bytes.ts', '.oxlintrc.json', 'README.md', 'docs/decisions/0001-x.md', '.ci/run']) {
    assert.deepEqual(findProblems([path]), [], path)
  }
})
