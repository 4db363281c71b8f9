// `witness serve`, `witness key`, and what `audit verify` is told of witnesses, with what serve makes of them.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { createSample, sampleRecord } from '../../test/fakes/sample-ledger.ts'
import { addCheckpoint, createSmallLog } from '../../test/fakes/small-log.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { createPorts } from '../serve/serve.ts'
import { runCli } from './cli.ts'

interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function run(
  cwd: string,
  words: readonly string[],
  { stop = new AbortController().signal, hear }: { stop?: AbortSignal; hear?: (text: string) => void } = {},
): Promise<Run> {
  let [out, err] = ['', '']
  const io = {
    out(text: string) {
      out += text
      hear?.(text)
    },
    err: (text: string): void => void (err += text),
    color: false,
    cwd,
    stopSignal: () => stop,
  }
  const code = await runCli(words, io, () => Promise.resolve(createPorts()))
  return { code, out, err }
}

test('a witness is made, served, asked and stopped', async () => {
  const cwd = temporaryFolder()
  const made = await run(cwd, ['witness', 'key', '--data-dir', 'w', '--name', 'witness.example/w1'])
  assert.equal(made.code, 0, made.err)
  assert.equal(made.out.trim().split('\n').length, 2)
  assert.deepEqual((await run(cwd, ['witness', 'key', '--data-dir', 'w'])).out, made.out)
  const asJson: unknown = JSON.parse((await run(cwd, ['witness', 'key', '--data-dir', 'w', '--json'])).out)
  assert.deepEqual(asJson, { name: 'witness.example/w1', keys: made.out.trim().split('\n') })

  const log = createSmallLog()
  writeFileSync(join(cwd, 'logs'), `${log.vkey}\n`)
  const stop = new AbortController()
  const ready = Promise.withResolvers<string>()
  const words = ['witness', 'serve', '--data-dir', 'w', '--listen', '127.0.0.1:0', '--log', 'file:logs', '--json']
  const served = run(cwd, words, { stop: stop.signal, hear: ready.resolve })
  const { witness } = Object(JSON.parse(await ready.promise)) as { witness: string } // printed above
  assert.equal((await addCheckpoint(witness, log.request(0, 3))).status, 200)
  stop.abort()
  assert.equal((await served).code, 0)
})

test('a witness is not made of what cannot be one', async () => {
  const cwd = temporaryFolder()
  const { vkey } = createSmallLog()
  for (const words of [
    'witness key',
    'witness key --data-dir w',
    'witness key --data-dir w --name a+b',
    'witness serve --data-dir w --name w.example',
    'witness serve --name w.example --log x',
    'witness serve --data-dir w --name w.example --log rubbish',
    'witness serve --data-dir w --name w.example --log file:absent',
    `witness serve --data-dir w --log ${vkey}`,
    `witness serve --data-dir w --name w.example --listen here --log ${vkey}`,
    'witness',
    'witness sign',
  ]) {
    const { code, out, err } = await run(cwd, words.split(' '))
    assert.deepEqual([code, out], [2, ''], words)
    assert.match(err, /^error: .*\nhint: /, words)
  }
  await run(cwd, ['witness', 'key', '--data-dir', 'w', '--name', 'w.example/1'])
  assert.equal((await run(cwd, ['witness', 'key', '--data-dir', 'w', '--name', 'w.example/2'])).code, 2)
})

test('audit verify takes witnesses and a kept checkpoint, and says what they vouch for', async () => {
  const cwd = temporaryFolder()
  const sample = createSample(join(cwd, 'data', 'ledger'))
  mkdirSync(join(cwd, 'data', 'ledger'), { recursive: true })
  const ledger = await sample.open({ checkpointIntervalMs: 1 })
  for (let at = 0; at < 4; at += 1) await ledger.append(sampleRecord(at))
  while (!readFileSync(join(sample.dir, 'checkpoint'), 'utf8').includes(`\n${ledger.size}\n`)) await wait(2)

  const stop = new AbortController()
  const ready = Promise.withResolvers<string>()
  const serve = 'witness serve --data-dir w --name w.example/1 --listen 127.0.0.1:0 --json --log'.split(' ')
  const served = run(cwd, [...serve, ledger.vkey], { stop: stop.signal, hear: ready.resolve })
  const { witness, keys } = Object(JSON.parse(await ready.promise)) as { witness: string; keys: string[] } // as above
  const note = readFileSync(join(sample.dir, 'checkpoint'), 'utf8')
  const { text } = await addCheckpoint(witness, `old 0\n\n${note}`)
  const cosigned = `${note}${text}`
  stop.abort()
  await served
  writeFileSync(join(sample.dir, 'witnessed'), cosigned)
  writeFileSync(join(cwd, 'kept'), cosigned)
  writeFileSync(join(cwd, 'keys'), `${keys.join('\n')}\n`)
  for (let at = 4; at < 7; at += 1) await ledger.append(sampleRecord(at))
  await ledger.close()

  const verify = (...more: string[]): Promise<Run> => run(cwd, ['audit', 'verify', '--data-dir', 'data', ...more])
  const good = await verify('--require-witnesses', '1', '--witness', 'file:keys', '--since', 'kept')
  assert.equal(good.code, 0, good.err)
  assert.match(good.out, /^ {2}witnessed at \d+ records, \d{4}-[^ ]+Z, by w\.example\/1; \d+ records beyond it$/m)
  assert.match(good.out, /^ {2}contains the kept checkpoint at \d+ records, /m)
  const asJson = await verify('--require-witnesses', '1', '--witness', keys[0] ?? '', '--json')
  assert.match(asJson.out, /"witnessed":\{"size":\d+,"timeSeconds":\d+,"witnesses":\["w\.example\/1"\],"beyond":\d+\}/)

  const two = await verify('--require-witnesses', '2', '--witness', 'file:keys')
  assert.equal(two.code, 1)
  assert.match(two.err, /has 1 of 2 required witnesses/)
  writeFileSync(join(cwd, 'other'), createSmallLog().note(3))
  const other = await verify('--since', 'other')
  assert.equal(other.code, 1)
  assert.match(other.err, /the log of the kept checkpoint is not here/)
  for (const more of [
    ['--require-witnesses', '1'],
    ['--require-witnesses', '0', '--witness', 'file:keys'],
    ['--require-witnesses', 'all', '--witness', 'file:keys'],
    ['--witness', 'rubbish'],
    ['--witness', 'file:kept'],
    ['--since', '.'],
    ['--since', 'absent'],
  ])
    assert.equal((await verify(...more)).code, 2, more.join(' '))
  assert.equal(existsSync(join(cwd, 'absent')), false)
})
