// Reads the imports of a TypeScript file. A static import may span lines and may be of types only, wholly or name by
// name; a dynamic one counts as an import of values. Fakes of files are enough to test what judges them.

import { posix } from 'node:path'
import { withoutComments, type SourceFile } from './files.ts'

export interface Import {
  readonly from: string
  /** as written */
  readonly specifier: string
  /** path from the root for a relative one, otherwise undefined */
  readonly target: string | undefined
  /** nothing of it is there at run time */
  readonly isTypesOnly: boolean
  readonly isDynamic: boolean
  readonly line: number
}

// between the keyword and `from` stand names, braces, commas and stars alone: `export const x = '…'` does not match
const staticImport = /^[ \t]*(?:import\s*|(?:import|export)\b([\w$\s{},*]*?)\bfrom\s*)(['"])([^'"\n]+)\2/gm
const dynamicImport = /\bimport\(\s*(['"`])([^'"`\n]+)\1\s*\)/g

export function readImports(file: SourceFile): Import[] {
  const text = withoutComments(file.text)
  const found: Import[] = []
  for (const match of text.matchAll(staticImport)) {
    const [, clause = '', , specifier = ''] = match
    found.push(
      describe(file, text, { specifier, index: match.index, isTypesOnly: isOfTypes(clause), isDynamic: false }),
    )
  }
  for (const match of text.matchAll(dynamicImport)) {
    const specifier = match[2] ?? ''
    found.push(describe(file, text, { specifier, index: match.index, isTypesOnly: false, isDynamic: true }))
  }
  return found
}

/** Lines on which something is imported whose name is only known at run time. */
export function findComputedImports(file: SourceFile): number[] {
  const text = withoutComments(file.text)
  return [...text.matchAll(/\bimport\(\s*[^'"`\s)]|\brequire\(|\bcreateRequire\b/g)].map((match) =>
    lineOf(text, match.index),
  )
}

function isOfTypes(clause: string): boolean {
  if (/^\s*type\b(?!\s*,)/.test(clause)) return true
  const names = /\{([^]*)\}/.exec(clause)?.[1]
  if (names === undefined || !/^\s*\{/.test(clause)) return false
  const listed = names.split(',').flatMap((name) => (name.trim() === '' ? [] : [name.trim()]))
  return listed.length > 0 && listed.every((name) => name.startsWith('type '))
}

function describe(
  file: SourceFile,
  text: string,
  found: { specifier: string; index: number; isTypesOnly: boolean; isDynamic: boolean },
): Import {
  const { specifier, index, isTypesOnly, isDynamic } = found
  const target = specifier.startsWith('.')
    ? posix.normalize(posix.join(posix.dirname(file.path), specifier))
    : undefined
  return { from: file.path, specifier, target, isTypesOnly, isDynamic, line: lineOf(text, index) }
}

function lineOf(text: string, index: number): number {
  // a match may begin with the line feed before it
  return text.slice(0, index).split('\n').length
}
