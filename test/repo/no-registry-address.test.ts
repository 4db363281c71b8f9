// No file names the address of a package registry, the lock file above all: an installation takes whatever registry its
// machine is told to use, and integrity comes from the hashes. The needles are put together, so that this file has none.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listFiles, readFiles } from './files.ts'

const needles = [
  ['registry', 'npmjs', 'org'],
  ['registry', 'npmjs', 'com'],
  ['registry', 'yarnpkg', 'com'],
  ['registry', 'npmmirror', 'com'],
  ['npm', 'pkg', 'github', 'com'],
  ['npm', 'jsr', 'io'],
].map((labels) => labels.join('.'))
const setting = new RegExp(['^(@[^\\s:]+:)?', 'registry', '\\s*='].join(''), 'm')

test('no file names the address of a registry', () => {
  const found = readFiles(listFiles()).flatMap(({ path, text }) =>
    needles.filter((needle) => text.includes(needle)).map((needle) => `${path}: ${needle}`),
  )
  assert.deepEqual(found, [])
})

test('no setting of npm points to a registry', () => {
  const found = readFiles(listFiles().filter((path) => path.endsWith('.npmrc'))).filter(({ text }) =>
    setting.test(text),
  )
  assert.deepEqual(found, [])
})

interface Locked {
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
}

/** A linter's or formatter's binary for a platform that a lock file made elsewhere knows by version alone. */
const isToolOfAnotherPlatform = ({ dev, optional, os }: Locked): boolean =>
  dev === true && optional === true && os !== undefined

test('the lock file pins every package by hash and none by address', () => {
  const [lock] = readFiles(['package-lock.json'])
  // what npm wrote; only these members are looked at
  const { packages } = JSON.parse(lock?.text ?? '{}') as {
    packages: Record<string, Locked>
  }
  const installed = Object.entries(packages).filter(
    ([path, entry]) => path.includes('node_modules/') && entry.link !== true,
  )
  assert.ok(installed.length > 10)
  for (const [path, entry] of installed) {
    assert.doesNotMatch(entry.resolved ?? '', /^[a-z+]+:\/\//, path)
    if (!isToolOfAnotherPlatform(entry)) assert.match(entry.integrity ?? '', /^sha512-/, path)
  }
})
