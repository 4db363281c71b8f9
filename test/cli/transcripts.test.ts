// Runs every transcript beside this file: commands as a person types them, in a fresh folder, through bin/sallyport.
// `--- NAME` begins a file, `$ ` a command; then what it prints on standard output, `! ` before each line of standard
// error, and `? N` for an exit code that is not 0. <KEY>, <TIME>, <ID>, <HASH>, <NUMBER> and <ANY> stand for what
// differs from run to run, <DIR> for the folder; a lone dot is an empty line, `## ` a remark.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { temporaryFolder } from '../fakes/temporary-folder.ts'

const bin = join(import.meta.dirname, '../../bin')

interface Step {
  readonly command: string
  readonly line: number
  stdout: string
  stderr: string
  code: number
}

interface Transcript {
  readonly files: ReadonlyMap<string, string>
  readonly steps: readonly Step[]
}

function parse(text: string): Transcript {
  const files = new Map<string, string>()
  const steps: Step[] = []
  let name: string | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const step = steps.at(-1)
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), line: index + 1, stdout: '', stderr: '', code: 0 })
    else if (step === undefined && line.startsWith('--- ')) files.set((name = line.slice(4)), '')
    else if (step === undefined && name !== undefined) files.set(name, `${files.get(name)}${line}\n`)
    else if (line.startsWith('! ')) step!.stderr += `${line.slice(2)}\n`
    else if (line.startsWith('? ')) step!.code = Number(line.slice(2))
    else if (step !== undefined && line !== '' && !line.startsWith('## '))
      step.stdout += `${line === '.' ? '' : line}\n`
  }
  return { files, steps }
}

const placeholders: Record<string, string> = {
  '<KEY>': 'sp_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}',
  '<TIME>': '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z',
  '<ID>': '[0-9A-Za-z]{12}',
  '<HASH>': '[\\w+/=-]{40,}',
  '<NUMBER>': '\\d+',
  '<ANY>': '.*',
}

function expectation(text: string, folder: string): RegExp {
  const escaped = text.replaceAll('<DIR>', folder).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replace(/<[A-Z]+>/g, (word) => placeholders[word] ?? word)}$`)
}

async function run(command: string, cwd: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = {
    PATH: [bin, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
    HOME: cwd,
    TMPDIR: tmpdir(),
  }
  const child = spawn('sh', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

describe('transcripts', { concurrency: 2 }, () => {
  for (const name of readdirSync(import.meta.dirname).filter((entry) => entry.endsWith('.txt'))) {
    test(name, async () => {
      const folder = temporaryFolder()
      const { files, steps } = parse(readFileSync(join(import.meta.dirname, name), 'utf8'))
      assert.ok(steps.length > 0, 'holds no command')
      for (const [file, content] of files) {
        mkdirSync(dirname(join(folder, file)), { recursive: true })
        writeFileSync(join(folder, file), content, { mode: 0o600 })
      }
      for (const step of steps) {
        const { code, stdout, stderr } = await run(step.command, folder)
        const place = `${name}:${step.line}: ${step.command}\n${stdout}${stderr}`
        assert.equal(code, step.code, place)
        assert.match(stdout, expectation(step.stdout, folder), place)
        assert.match(stderr, expectation(step.stderr, folder), place)
      }
    })
  }
})
