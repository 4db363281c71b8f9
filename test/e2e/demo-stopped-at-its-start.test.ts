// Ctrl-C while the demonstration starts: its folder of secrets does not stay behind.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, watch } from 'node:fs'
import { test } from 'node:test'
import { temporaryFolder } from '../fakes/temporary-folder.ts'
import { launcher } from './harness.ts'

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  test(`${signal} as soon as its folder is there leaves nothing behind`, { timeout: 60_000 }, async () => {
    const folder = temporaryFolder()
    const left = (): string[] => readdirSync(folder).filter((name) => name.startsWith('sallyport-demo-'))
    const made = Promise.withResolvers<void>()
    const watcher = watch(folder, () => (left().length > 0 ? made.resolve() : undefined))
    const child = spawn(launcher, ['demo', '--json', '--port', '0', '--admin-port', '0'], {
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: folder },
    })
    const ended = once(child, 'exit')
    await Promise.race([made.promise, ended])
    watcher.close()
    assert.equal(left().length, 1)
    child.kill(signal)
    const [code] = await ended
    assert.ok([0, 130, 143].includes(Number(code)), `ended with ${code}`)
    assert.deepEqual(left(), [])
  })
