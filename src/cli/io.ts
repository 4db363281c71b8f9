// How commands speak: results on standard output, everything else on standard error, in lower case without a full
// stop; `error:` then `hint:`. Colour only where a person looks (a terminal, NO_COLOR unset). No command prints
// around this.

export interface Io {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly color: boolean
  /** how wide the terminal is; undefined where none is */
  readonly columns?: number | undefined
  readonly cwd: string
  /** all of standard input as text; undefined when it is longer than so many characters */
  readonly readInput?: (maxBytes: number) => Promise<string | undefined>
  /** From the first call on, being asked to stop (SIGINT, SIGTERM) aborts this instead of ending the process. */
  readonly stopSignal: () => AbortSignal
}

/** 0 good, 1 the answer is no, 2 wrong usage or configuration, 3 a fault */
export type ExitCode = 0 | 1 | 2 | 3

/** Ends a command with a message; `hint` names what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: ExitCode
  readonly hint: string

  constructor(exitCode: ExitCode, message: string, hint = '') {
    super(message)
    this.exitCode = exitCode
    this.hint = hint
  }
}

export function printError(io: Io, message: string, hint: string | undefined): void {
  const [error, advice] = io.color ? ['\u001b[31merror:\u001b[0m', '\u001b[36mhint:\u001b[0m'] : ['error:', 'hint:']
  io.err(`${error} ${printable(message)}\n`)
  if (hint !== undefined && hint !== '') io.err(`${advice} ${printable(hint)}\n`)
}

export function printWarning(io: Io, message: string, hint: string): void {
  const [warning, advice] = io.color
    ? ['\u001b[33mwarning:\u001b[0m', '\u001b[36mhint:\u001b[0m']
    : ['warning:', 'hint:']
  io.err(`${warning} ${printable(message)}\n`)
  if (hint !== '') io.err(`${advice} ${printable(hint)}\n`)
}

export function printJson(io: Io, document: unknown): void {
  io.out(`${JSON.stringify(document)}\n`)
}

/** One JSON document per line: how lists are printed. */
export function printJsonLines(io: Io, documents: readonly unknown[]): void {
  for (const document of documents) printJson(io, document)
}

/** Columns as wide as their widest cell; the last one runs free. */
export function printTable(io: Io, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const cells = [head, ...rows].map((row) => row.map(printable))
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  for (const [index, row] of cells.entries()) {
    const line = row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
    io.out(`${index === 0 && io.color ? `\u001b[1m${line}\u001b[0m` : line}\n`)
  }
}

/** Names of agents, callers and files come from elsewhere: nothing in them may steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '\ufffd')
}

export function countOf(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}

export function toExitCode(code: number): ExitCode {
  return code === 0 || code === 1 || code === 2 ? code : 3
}
