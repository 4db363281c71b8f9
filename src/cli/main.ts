// The entry of the command line: hands the process's words, streams and signals to the door. The only file of cli
// that touches `process`, and the only one that does work on import.

import { systemReason } from '../base/system-error.ts'
import { runCli } from './cli.ts'
import type { Io } from './io.ts'

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  // Node's own answer honours NO_COLOR and a dumb terminal.
  color: process.stdout.isTTY && process.stdout.hasColors(),
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  cwd: process.cwd(),
  readInput: async (maxBytes) => {
    let text = ''
    for await (const chunk of process.stdin.setEncoding('utf8')) {
      text += String(chunk)
      if (text.length > maxBytes) return undefined
    }
    return text
  },
  stopSignal: () => {
    const stop = new AbortController()
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
    return stop.signal
  },
}

// A reader that went away (`… | head`) is no fault of ours; a disk that took nothing must not look like an answer.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`error: cannot write the output: ${systemReason(error)}\n`)
  process.exit(3)
})

process.exitCode = await runCli(process.argv.slice(2), io, async () =>
  (await import('../serve/serve.ts')).createPorts(),
)
