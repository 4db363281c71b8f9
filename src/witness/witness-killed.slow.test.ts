// A witness is killed (kill -9): at the worst moment, when it has kept a checkpoint and not yet said so, and at
// moments that chance chooses. What it answered it still knows, and a log that asks again gets its cosignature.

import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { addCheckpoint, createSmallLog, openTestWitness } from '../../test/fakes/small-log.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const log = createSmallLog()
const program = new URL('../../test/fakes/killed-witness.ts', import.meta.url).pathname

async function start(dataDir: string, mode: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [program, dataDir, log.vkey, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer] // bytes of a pipe
  return { child, url: line.toString().trim() }
}

test('killed between keeping and answering, it knows what it kept and cosigns it again', async () => {
  const dataDir = temporaryFolder()
  const { child, url } = await start(dataDir, 'at-reply')
  const ended = once(child, 'exit')
  await assert.rejects(addCheckpoint(url, log.request(0, 5)))
  assert.equal((await ended)[1], 'SIGKILL')
  const witness = await openTestWitness({ dataDir, name: undefined, vkeys: [log.vkey] })
  const asked = await addCheckpoint(witness.url, log.request(0, 5))
  assert.deepEqual([asked.status, asked.text], [409, '5\n'])
  assert.equal((await addCheckpoint(witness.url, log.fork(2).request(5, 5))).status, 409)
  assert.equal((await addCheckpoint(witness.url, log.request(5, 5))).status, 200)
  await witness.close()
})

test('killed at any moment, it never knows less than it answered', async () => {
  const dataDir = temporaryFolder()
  let answered = 0
  for (let round = 0; round < 10; round += 1) {
    const { child, url } = await start(dataDir, '')
    const ended = once(child, 'exit')
    const end = setTimeout(() => child.kill('SIGKILL'), randomInt(5, 120))
    try {
      for (let old = answered; ;) {
        const size = old + 1
        const answer = await addCheckpoint(url, log.request(old, size))
        if (answer.status === 200) answered = old = size
        else {
          assert.equal(answer.status, 409)
          old = Number(answer.text)
          assert.ok(old >= answered, `it answered ${answered} and knows ${old}`)
        }
      }
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      // killed
    }
    await ended
    clearTimeout(end)
  }
  assert.ok(answered > 10, `${answered} were cosigned`)
})
