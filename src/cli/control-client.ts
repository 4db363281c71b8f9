// Speaks to the running process over dataDir/control.sock: one JSON line each way. Says "no process runs" only when
// nothing listens; any other trouble is an error, so that nobody writes beside a process that is merely slow.

import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { CommandError } from './io.ts'
import type { ControlMethod, ControlParams, ControlResult } from './ports.ts'

/** An answer may list many keys; beyond this something else is answering. */
const maxAnswerChars = 64 * 1024 * 1024
const answerTimeoutMs = 30_000
/** what goes through whole logs */
const longAnswerTimeoutMs = 1_800_000
const longMethods: ReadonlySet<ControlMethod> = new Set(['audit.erase', 'audit.prune'])
/** sun_path holds 104 bytes on macOS, 108 on Linux, the closing NUL included. */
const maxSocketPathBytes = 103

export async function callControl<M extends ControlMethod>(
  dataDir: string,
  request: { readonly method: M; readonly params: ControlParams<M> },
): Promise<{ readonly result: ControlResult<M> } | undefined> {
  const path = findSocket(dataDir)
  if (path === undefined) return undefined
  const socket = await connect(path)
  if (socket === undefined) return undefined
  const timeoutMs = longMethods.has(request.method) ? longAnswerTimeoutMs : answerTimeoutMs
  const line = await exchange(socket, `${JSON.stringify({ id: 1, ...request })}\n`, timeoutMs)
  return { result: readAnswer(line) as ControlResult<M> } // the same program at the other end of a 0600 socket
}

/** Where the running process says its socket is: beside the data, or at a shorter path written down there. */
function findSocket(dataDir: string): string | undefined {
  try {
    return readFileSync(join(dataDir, 'control.path'), 'utf8').trim()
  } catch {
    // Nothing written down: the usual place, where it fits.
    const usual = join(dataDir, 'control.sock')
    return Buffer.byteLength(usual) <= maxSocketPathBytes ? usual : undefined
  }
}

function connect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined)
      else
        reject(
          new CommandError(
            3,
            `the running process cannot be reached: ${error.code ?? 'unknown reason'}`,
            `check who owns ${path}`,
          ),
        )
    })
  })
}

function exchange(socket: Socket, request: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const fail = (message: string): void => {
      socket.destroy()
      reject(new CommandError(3, message, 'see what the running process logs'))
    }
    socket.setEncoding('utf8')
    socket.setTimeout(timeoutMs, () => fail('the running process does not answer'))
    socket.on('error', () => fail('the connection to the running process broke'))
    socket.on('close', () => fail('the running process ended without an answer'))
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.length > maxAnswerChars) fail('the answer of the running process is too long')
      if (!chunk.includes('\n')) return
      resolve(text.slice(0, text.indexOf('\n')))
      socket.destroy()
    })
    socket.write(request)
  })
}

function readAnswer(line: string): unknown {
  let answer: unknown
  try {
    answer = JSON.parse(line)
  } catch {
    throw new CommandError(3, 'the answer of the running process is not JSON')
  }
  if (typeof answer !== 'object' || answer === null)
    throw new CommandError(3, 'the answer of the running process is empty')
  if ('result' in answer) return answer.result
  const error: unknown = 'error' in answer ? answer.error : undefined
  const { code, message, hint } = Object(error) as { code?: unknown; message?: unknown; hint?: unknown } // each is checked below
  const text = typeof message === 'string' ? message : 'the running process refused'
  // What was asked for was wrong (2), or the process could not do it (3).
  throw new CommandError(
    code === 'CONTROL_FAILED' || code === 'CONFIG_INVALID' ? 2 : 3,
    text,
    typeof hint === 'string' ? hint : '',
  )
}
