// The programs that run the official clients, in test/interop and, for JavaScript, in agents/test: each is held against
// an agent and answers with one line of JSON that says what it saw. test/interop/install fetches what they need.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Binding } from '../../src/a2a/operations.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'

const folder = join(import.meta.dirname, '../interop')

/** What an agent does on a text; some go by the beginning of the message's id as well. */
export interface Word {
  readonly text: string
  readonly messageId?: string
}

export interface Exercise {
  /** the agent's address at the gateway */
  readonly agent: string
  readonly key: string
  readonly binding: Binding
  readonly version: '1.0' | '0.3'
  /** file with the certificate authority, where it is TLS */
  readonly ca?: string
  readonly pushUrl: string
  readonly quick: Word
  readonly slow: Word
  /** what makes the agent ask back, where it can */
  readonly asking?: Word
}

/** Or the SDK's own error: its name, and what it says. */
type Maybe<Value> = Partial<Value> & { readonly error?: string; readonly message?: string }
interface Sent {
  readonly task: string
  readonly context: string
  readonly state: string
  readonly text: string
}
interface Stream {
  readonly kinds: readonly string[]
  readonly last: string
}

export interface Seen {
  readonly sdk: string
  readonly publicCard: Maybe<{ readonly name: string }>
  readonly card: { readonly name: string; readonly interfaces: readonly (readonly string[])[] }
  readonly send: Maybe<Sent>
  readonly stream: Maybe<Stream>
  readonly secondTurn: unknown
  readonly get: unknown
  readonly list: unknown
  readonly background: Maybe<Sent>
  readonly push: Readonly<Record<'create' | 'get' | 'list' | 'delete', unknown>>
  readonly subscribe: Maybe<Stream>
  readonly cancel: unknown
  readonly unknownTask: Maybe<unknown>
  /** the same task twice: where it asked, and after the answer */
  readonly askedBack?: unknown
  readonly extendedCard: Maybe<{ readonly name: string; readonly skills: readonly string[] }>
}

export type Run = (exercise: Exercise) => Promise<Seen>
export interface Installed {
  readonly isInstalled: boolean
  readonly run: Run
}

export function pythonClient(): Installed {
  const python = join(folder, 'python/.venv/bin/python')
  return { isInstalled: existsSync(python), run: runner(python, [join(folder, 'python/exercise.py')]) }
}

export function javascriptClient(): Installed {
  const program = join(folder, '../../agents/test/sdk-exercise.ts')
  return { isInstalled: true, run: runner(process.execPath, [program]) }
}

/** Builds the program once, from modules that are there already. */
export function goClient(): Installed {
  const program = join(temporaryFolder(), 'exercise')
  const env = { ...process.env, GOFLAGS: '-mod=readonly -buildvcs=false', GOPROXY: 'off', GOWORK: 'off' }
  const { status } = spawnSync('go', ['build', '-o', program, '.'], { cwd: join(folder, 'go'), env, encoding: 'utf8' })
  return { isInstalled: status === 0, run: runner(program, []) }
}

function runner(program: string, args: string[]): Run {
  return async (exercise) => {
    // Node has no other way to be told of an authority
    const env = { ...process.env, ...(exercise.ca !== undefined && { NODE_EXTRA_CA_CERTS: exercise.ca }) }
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env })
    let [output, problems] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (problems += text))
    child.stdin.end(JSON.stringify(exercise))
    const code = await new Promise((resolve) => child.once('close', resolve))
    assert.equal(code, 0, problems)
    return JSON.parse(output) as Seen
  }
}
