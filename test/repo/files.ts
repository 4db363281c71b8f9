// The files of the repository as they lie on disk, so that the rules hold in an unpacked archive too, where there is
// no version control to ask. What is installed, built or left behind by a run is not the repository's and is left out.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export const root: string = join(import.meta.dirname, '../..')

const foreignFolder = /^(node_modules|dist|coverage|\.git|\.venv|\.sallyport.*)$/
const foreignFile = /\.log$|^\.npm-stamp$|^\.sallyport/

export interface SourceFile {
  /** relative to the root, with forward slashes */
  readonly path: string
  readonly text: string
}

/** Paths of all files under a folder of the repository, in order; none when it does not exist. */
export function listFiles(folder = ''): string[] {
  const absolute = join(root, folder)
  if (statSync(absolute, { throwIfNoEntry: false }) === undefined) return []
  return readdirSync(absolute, { withFileTypes: true })
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) return foreignFolder.test(entry.name) ? [] : listFiles(path)
      return entry.isFile() && !foreignFile.test(entry.name) ? [path] : []
    })
    .toSorted()
}

export function readFiles(paths: readonly string[]): SourceFile[] {
  return paths.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

export function exists(path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false }) !== undefined
}

/** Tests, and the fakes that stand beside them: nothing of the product may depend on these. */
export function isTestFile(path: string): boolean {
  return !path.startsWith('src/') || /(^|\/)fake-[^/]*\.ts$|\.test\.ts$/.test(path)
}

/** The product: what lies in src/ and is no test. */
export function productFiles(): SourceFile[] {
  return readFiles(listFiles('src').filter((path) => path.endsWith('.ts') && !isTestFile(path)))
}

/** TypeScript without its comments; strings stay. Line numbers stay as they were. */
export function withoutComments(text: string): string {
  return text
    .replace(/(^|[\s;{}(),])\/\*[^]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|[\s;{}(),])\/\/[^\n]*/gm, '$1')
}

/** `path:line` of every match outside comments. */
export function findInCode(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    withoutComments(text)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
  )
}

/** Rows of every Markdown table whose first header cell reads as given; cells are trimmed, without outer backticks. */
export function readTable(markdown: string, firstHeader: string): string[][] {
  const rows: string[][] = []
  let isInside = false
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) {
      isInside = false
      continue
    }
    const cells = line
      .slice(1, line.trimEnd().lastIndexOf('|'))
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1'))
    if (cells[0] === firstHeader) isInside = true
    else if (isInside && !/^:?-+:?$/.test(cells[0] ?? '')) rows.push(cells)
  }
  return rows
}
