// What the demonstration prints is what a newcomer pastes: the six commands are cut out of its text and run by bash,
// one after the other in one shell, and each does what the line below it promises.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { needs } from '../needs.ts'
import { launcher } from './harness.ts'

const canPaste = ['curl', 'bash'].every((part) => spawnSync(part, ['--version']).status === 0)
const pasting = needs('curl and bash', canPaste)

interface Step {
  readonly title: string
  readonly command: string
  readonly shows: string
}

interface Shown {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

let guide = ''
let steps: Step[] = []
let shown: Shown[] = []
let dataDir = ''
let stopDemo: () => Promise<number> = () => Promise.resolve(0)

before(async () => {
  const child = spawn(launcher, ['demo', '--port', '0', '--admin-port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 128)))
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const complete = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      guide += text
      if (guide.includes('Ctrl-C ends it')) resolve()
    })
  })
  stopDemo = async () => {
    child.kill('SIGINT')
    return await ended
  }
  const early = await Promise.race([complete, ended])
  if (early !== undefined) throw new Error(`the demo ended with ${early}: ${err}`)
  steps = [...guide.matchAll(/^(\d)\. (.+)\n(.+)\n {3}(.+)$/gm)].map(([, , title = '', command = '', shows = '']) => {
    return { title, command, shows }
  })
  dataDir = /^ {2}data +(.+)$/m.exec(guide)?.[1] ?? ''
  assert.ok(existsSync(dataDir))
  if (canPaste) shown = pasteAll(steps.map((step) => step.command))
})

after(async () => {
  assert.equal(await stopDemo(), 0)
  assert.equal(existsSync(dataDir), false, 'it promises to remove its data')
})

/** All in one shell, as in one terminal: what one sets, the next may use. A line between them tells their output apart. */
function pasteAll(commands: readonly string[]): Shown[] {
  const mark = '@@@ between the commands @@@'
  const script = commands
    .map((command) => `${command}\nprintf '\\n%s %s\\n' '${mark}' $?; echo '${mark}' >&2`)
    .join('\n')
  // a terminal can be opened as /dev/stderr, and so can a pipe; what spawn gives is a socket, which cannot
  const { stdout, stderr, status } = spawnSync('bash', ['-c', 'set -o pipefail; bash -s 2> >(cat >&2) | cat'], {
    input: script,
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.equal(status, 0, stderr)
  const outs = stdout.split(mark)
  const errs = stderr.split(mark)
  return commands.map((_, at) => ({
    code: Number(/^ (\d+)/.exec(outs[at + 1] ?? '')?.[1] ?? NaN),
    stdout: (outs[at] ?? '').replace(/^ \d+\n/, '').trim(),
    stderr: (errs[at] ?? '').trim(),
  }))
}

function shownBy(at: number): Shown {
  const found = shown[at - 1]
  assert.ok(found, `there is no command ${at}`)
  assert.equal(found.code, 0, `${steps[at - 1]?.command}\n${found.stdout}\n${found.stderr}`)
  return found
}

test('a pipe gets plain text with six numbered commands', () => {
  assert.doesNotMatch(guide, /\u001b/)
  assert.equal(steps.length, 6)
  assert.match(steps[0]?.shows ?? '', /-32040/)
})

test('1: a call without a credential is denied', pasting, () => {
  const { error } = JSON.parse(shownBy(1).stdout) as { error: { code: number } }
  assert.equal(error.code, -32040)
})

test('2: a key is made and bound, and the running gateway takes both up', pasting, () => {
  const { stdout, stderr } = shownBy(2)
  assert.match(stdout + stderr, /key:carol/)
  assert.doesNotMatch(stdout, /sp_demo_/, 'the key goes into the shell, not onto the screen')
})

test('3: the same call is allowed, and its task is known', pasting, () => {
  const { stdout, stderr } = shownBy(3)
  const { result } = JSON.parse(stderr.split('\n').find((line) => line.startsWith('{')) ?? '{}') as {
    result?: { task?: { id: string } }
  }
  assert.match(JSON.stringify(result), /\b42\b/)
  assert.equal(/^task: (.+)$/m.exec(stdout)?.[1], result?.task?.id)
})

test('4: a stream flows, event by event', pasting, () => {
  const events = shownBy(4)
    .stdout.split('\n')
    .filter((line) => line.startsWith('data: '))
  assert.ok(events.length >= 3, shownBy(4).stdout)
  assert.match(events.at(-1) ?? '', /COMPLETED/)
})

test("5: bob asks for carol's task and is told what he would be told of one that never was", pasting, () => {
  const { error } = JSON.parse(shownBy(5).stdout) as { error: { code: number; message: string } }
  assert.equal(error.code, -32001)
  assert.match(error.message, /not found/i)
})

test('6: the ledger verifies, and every call before is in it', pasting, () => {
  const { stdout } = shownBy(6)
  const size = Number(/size[^\d]*(\d+)/.exec(stdout)?.[1])
  assert.ok(size >= 12, stdout)
})
