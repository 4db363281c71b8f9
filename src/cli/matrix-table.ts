// The matrix for a terminal: a table where there is room, one paragraph for each caller and agent where there is not.

import { columns, createNotes, forOthersNote, isEmpty, nameOf } from './matrix-notes.ts'
import { printable } from './io.ts'
import type { MatrixRow } from './ports.ts'

/** Lines; `width` is the terminal's, undefined where there is none. */
export function formatMatrix(rows: readonly MatrixRow[], width: number | undefined): string {
  const shown = rows.filter((row) => !isEmpty(row))
  const notes = createNotes()
  const marked = shown.map((row) => ({
    name: nameOf(row),
    agent: row.agent,
    marks: columns.map(([, operation]) => notes.mark(row.cells[operation])),
  }))
  const table = [
    ['', '', ...columns.map(([head]) => head)],
    ...marked.map(({ name, agent, marks }) => [name, agent, ...marks]),
  ].map((row) => row.map(printable))
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? []
  const needed = widths.reduce((sum, each) => sum + each + 2, -2)
  const lines =
    width === undefined || needed <= width
      ? table.map((row) =>
          row
            .map((cell, at) => cell.padEnd(widths[at] ?? 0))
            .join('  ')
            .trimEnd(),
        )
      : marked.flatMap((row) => paragraph(row, width))
  const said = notes.list().map(([number, text]) => `${number}  ${text}`)
  const nothing = [...new Set(rows.map(nameOf))].filter((name) => !shown.some((row) => nameOf(row) === name))
  return [
    ...(shown.length > 0 ? lines : []),
    ...(said.length > 0 ? ['', ...said] : []),
    ...(shown.some(({ account }) => account !== 'own') ? ['', forOthersNote] : []),
    ...nothing.map((name) => `${name}: nothing`),
  ]
    .map((line) => `${printable(line)}\n`)
    .join('')
}

interface Marked {
  readonly name: string
  readonly agent: string
  readonly marks: readonly string[]
}

function paragraph({ name, agent, marks }: Marked, width: number): string[] {
  const byMark = new Map<string, string[]>()
  for (const [at, mark] of marks.entries()) {
    const operation = columns[at]?.[1] ?? ''
    if (mark !== '-') byMark.set(mark, [...(byMark.get(mark) ?? []), operation])
  }
  const lines = [...byMark].flatMap(([mark, names]) => wrap(names, `  ${mark.padEnd(6)}`, width))
  return [`${name} on ${agent}`, ...lines]
}

function wrap(words: readonly string[], head: string, width: number): string[] {
  const lines: string[] = []
  let line = head
  for (const [at, word] of words.entries()) {
    const text = at === words.length - 1 ? word : `${word},`
    if (line !== head && line.length + text.length + 1 > width) {
      lines.push(line)
      line = ' '.repeat(head.length)
    }
    line = `${line} ${text}`
  }
  return [...lines, line]
}
