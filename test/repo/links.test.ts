// What the documents point to is there: relative links, their anchors, paths of ours in back-ticks, and the documents
// that source comments name. A reader who follows the walk by these pages must not end in nothing.

import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import { exists, listFiles, readFiles, type SourceFile } from './files.ts'

const documents = readFiles(listFiles().filter((path) => path.endsWith('.md')))

/** Markdown without fenced blocks; lines stay where they were. */
function withoutFences(text: string): string {
  return text.replace(/^(```+)[^\n]*\n[^]*?^\1[ \t]*$/gm, (block) => block.replace(/[^\n]/g, ''))
}

/** Anchors as forges make them of headings. */
function anchorsOf(text: string): string[] {
  return [...withoutFences(text).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].map((match) =>
    (match[1] ?? '')
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  )
}

function findDeadLinks(file: SourceFile, read: (path: string) => string | undefined): string[] {
  const prose = withoutFences(file.text).replace(/`[^`\n]*`/g, '')
  const targets = [...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm)].map(
    (match) => match[1] ?? match[2] ?? '',
  )
  return targets.flatMap((target) => {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return []
    const [path = '', anchor] = target.split('#')
    const resolved = path === '' ? file.path : posix.normalize(posix.join(posix.dirname(file.path), decodeURI(path)))
    const text = read(resolved)
    if (text === undefined) return [`${file.path}: ${target} is not there`]
    return anchor === undefined || anchorsOf(text).includes(anchor) ? [] : [`${file.path}: no heading for #${anchor}`]
  })
}

const readRepository = (path: string): string | undefined => {
  const known = documents.find((document) => document.path === path)
  return known?.text ?? (exists(path) ? '' : undefined)
}

test('every relative link of a document leads somewhere', () => {
  assert.deepEqual(
    documents.flatMap((document) => findDeadLinks(document, readRepository)),
    [],
  )
})

test('every path of ours that a document names is there', () => {
  const found = documents
    // a changelog speaks of what was
    .filter(({ path }) => path !== 'CHANGELOG.md')
    .flatMap(({ path, text }) =>
      [...withoutFences(text).matchAll(/`((?:src|test|tools|agents|docs|examples|schema|bin)\/[\w./-]+)`/g)]
        .map((match) => match[1] ?? '')
        .filter((named) => !exists(named.replace(/\/$/, '')))
        .map((named) => `${path}: ${named}`),
    )
  assert.deepEqual(found, [])
})

test('every document that a source names is there', () => {
  const sources = readFiles(listFiles().filter((path) => /^(src|agents|tools|test)\/.*\.(ts|mjs)$/.test(path)))
  const found = sources
    .filter(({ path }) => !path.startsWith('test/repo/'))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/\bdocs\/[\w/-]+\.md\b/g)]
        .filter(([named]) => !exists(named))
        .map(([named]) => `${path}: ${named}`),
    )
  assert.deepEqual(found, [])
})

test('catches a link to nothing and an anchor to no heading', () => {
  const read = (path: string): string | undefined =>
    ({ 'docs/b.md': '# One two\n## `x` & y', 'docs/a.md': '# A' })[path]
  const check = (text: string): number => findDeadLinks({ path: 'docs/a.md', text }, read).length
  for (const text of ['[x](c.md)', '[x](b.md#none)', '[x](../b.md)', '[x]: c.md', '![i](i.png)'])
    assert.equal(check(text), 1, text)
  const good = [
    '[x](b.md)',
    '[x](b.md#one-two)',
    '[x](b.md#x--y)',
    '[x](#a)',
    '[x](https://example.com/c.md)',
    '`[x](c.md)`',
  ]
  for (const text of [...good, '```\n[x](c.md)\n```']) assert.equal(check(text), 0, text)
})
