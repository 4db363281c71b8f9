// A witness on loopback, asked by logs that are honest and by others. Statuses as C2SP tlog-witness has them.

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { addCheckpoint, createSmallLog, openTestWitness, type TestWitness } from '../../test/fakes/small-log.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { createManualClock } from '../base/clock.ts'
import { parseCheckpoint } from '../tlog/checkpoint.ts'
import { parseCosigner, readCosignatures } from '../tlog/cosignature.ts'

const log = createSmallLog()

async function opened(t: TestContext, changes: Parameters<typeof openTestWitness>[0] = {}): Promise<TestWitness> {
  const witness = await openTestWitness({ vkeys: [log.vkey], ...changes })
  t.after(() => witness.close())
  return witness
}

const evidenceIn = ({ dataDir }: TestWitness): string[] => {
  try {
    return readdirSync(join(dataDir, 'evidence'))
  } catch {
    // none was kept yet
    return []
  }
}

test('cosigns with both keys what leads on from the last one, and says so to auditors', async (t) => {
  const witness = await opened(t)
  const cosigners = witness.vkeys.map((vkey) => parseCosigner(vkey) ?? assert.fail(vkey))
  assert.deepEqual(
    cosigners.map(({ kind }) => kind),
    ['ml-dsa-44', 'ed25519'],
  )
  for (const [oldSize, size] of [
    [0, 1],
    [1, 5],
    [5, 5],
    [5, 300],
  ] as const) {
    const answer = await addCheckpoint(witness.url, log.request(oldSize, size))
    assert.equal(answer.status, 200, answer.text)
    const note = Buffer.from(log.note(size) + answer.text)
    const checkpoint = parseCheckpoint(note) ?? assert.fail('no note')
    assert.equal(readCosignatures(checkpoint, cosigners, undefined)?.length, 2)
    const newest = await fetch(`${witness.url}/checkpoint?origin=${encodeURIComponent(log.origin)}`)
    assert.equal(await newest.text(), note.toString())
  }
  const keys = await (await fetch(`${witness.url}/keys`)).text()
  assert.equal(keys, `${witness.vkeys.join('\n')}\n`)
})

test('answers what the specification says when it does not cosign', async (t) => {
  const witness = await opened(t)
  const stranger = createSmallLog('log.example/stranger')
  const otherKey = log.withKey(generateKeyPairSync('ed25519').privateKey)
  await addCheckpoint(witness.url, log.request(0, 5))
  const wrongProof = log
    .request(5, 8)
    .toString()
    .replace(/\n[A-Za-z0-9+/]{43}=\n/, `\n${Buffer.alloc(32).toString('base64')}\n`)
  const cases: [Buffer | string, number][] = [
    ['rubbish', 400],
    ['', 400],
    [log.request(0, 5).toString().replace('old 0', 'old 6'), 400],
    [stranger.request(0, 5), 404],
    [otherKey.request(5, 6), 403],
    [log.note(6).replace('\n6\n', '\n7\n').replace(/^/, 'old 5\n\n'), 403],
    [log.request(0, 6), 409],
    [log.request(3, 6), 409],
    [log.request(0, 4), 409],
    [log.fork(2).request(5, 5), 409],
    [wrongProof, 422],
    [log.fork(2).request(5, 8), 422],
    [
      log
        .request(5, 5)
        .toString()
        .replace('old 5\n', `old 5\n${Buffer.alloc(32).toString('base64')}\n`),
      422,
    ],
  ]
  for (const [body, status] of cases) {
    const answer = await addCheckpoint(witness.url, body)
    assert.equal(answer.status, status, `${answer.text} for ${body.toString().slice(0, 200)}`)
    assert.ok(!answer.text.includes('\u2014'), 'nothing is cosigned')
  }
  const conflict = await addCheckpoint(witness.url, log.request(0, 6))
  assert.deepEqual([conflict.contentType, conflict.text], ['text/x.tlog.size', '5\n'])
  assert.equal((await addCheckpoint(witness.url, log.request(5, 6))).status, 200, 'and goes on with an honest one')
})

test('a first checkpoint needs no proof, and takes none', async (t) => {
  const witness = await opened(t)
  const withProof = log
    .request(0, 5)
    .toString()
    .replace('old 0\n', `old 0\n${Buffer.alloc(32).toString('base64')}\n`)
  assert.equal((await addCheckpoint(witness.url, withProof)).status, 422)
  assert.equal((await addCheckpoint(witness.url, log.request(3, 5))).text, '0\n')
  assert.equal((await fetch(`${witness.url}/checkpoint?origin=${log.origin}`)).status, 404)
  assert.equal((await addCheckpoint(witness.url, log.request(0, 5))).status, 200)
})

test('remembers over a restart, under the same name and keys', async () => {
  const first = await openTestWitness({ vkeys: [log.vkey] })
  await addCheckpoint(first.url, log.request(0, 7))
  await first.close()
  const second = await openTestWitness({ dataDir: first.dataDir, name: undefined, vkeys: [log.vkey] })
  assert.deepEqual(second.vkeys, first.vkeys)
  assert.equal((await addCheckpoint(second.url, log.request(0, 9))).text, '7\n')
  await second.close()
  await assert.rejects(openTestWitness({ dataDir: first.dataDir, name: 'witness.example/other', vkeys: [log.vkey] }), {
    code: 'CONFIG_INVALID',
  })
})

test('two witnesses on one folder are one witness', async (t) => {
  const one = await opened(t)
  const other = await opened(t, { dataDir: one.dataDir })
  await addCheckpoint(one.url, log.request(0, 7))
  assert.equal((await addCheckpoint(other.url, log.request(0, 8))).text, '7\n')
  assert.equal((await addCheckpoint(other.url, log.request(7, 8))).status, 200)
  assert.equal((await addCheckpoint(one.url, log.request(7, 9))).text, '8\n')
})

test("a hundred at once, over two processes' worth of connections to the folder, never go back", async (t) => {
  const one = await opened(t)
  const other = await opened(t, { dataDir: one.dataDir })
  await addCheckpoint(one.url, log.request(0, 1))
  let largest = 1
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, at) => {
      const size = 2 + ((at * 37) % 100)
      const answer = await addCheckpoint(at % 2 === 0 ? one.url : other.url, log.request(1, size))
      return { size, ...answer }
    }),
  )
  const cosigned = answers.filter(({ status }) => status === 200)
  assert.equal(cosigned.length, 1, 'each began at 1: one alone can be right')
  largest = cosigned[0]?.size ?? 0
  for (const { status, text } of answers) if (status !== 200) assert.deepEqual([status, text], [409, `${largest}\n`])
  const note = await (await fetch(`${one.url}/checkpoint?origin=${log.origin}`)).text()
  assert.equal(parseCheckpoint(Buffer.from(note))?.size, largest)
})

test('a hundred clients that try again after each conflict leave the largest size, and time that never goes back', async (t) => {
  const witness = await opened(t, { requestsPerMinute: 100_000 })
  const cosigner = parseCosigner(witness.vkeys[1] ?? '') ?? assert.fail('no key')
  const seen: { size: number; time: number }[] = []
  const climb = async (size: number): Promise<void> => {
    for (let old = 0; old <= size;) {
      const answer = await addCheckpoint(witness.url, log.request(old, size))
      if (answer.status === 200) {
        const checkpoint = parseCheckpoint(Buffer.from(log.note(size) + answer.text)) ?? assert.fail('no note')
        seen.push({ size, time: readCosignatures(checkpoint, [cosigner], undefined)?.[0]?.timeSeconds ?? 0 })
        return
      }
      assert.equal(answer.status, 409)
      old = Number(answer.text)
    }
  }
  await Promise.all(Array.from({ length: 100 }, (_, at) => climb(1 + at)))
  const note = await (await fetch(`${witness.url}/checkpoint?origin=${log.origin}`)).text()
  assert.equal(parseCheckpoint(Buffer.from(note))?.size, 100)
  const bySize = seen.toSorted((a, b) => a.size - b.size)
  assert.deepEqual(
    bySize,
    bySize.toSorted((a, b) => a.time - b.time || a.size - b.size),
  )
})

test('never gives a time before one it gave, and none at all with a clock that is far behind', async (t) => {
  const clock = createManualClock(1_800_000_000_000)
  const first = await openTestWitness({ vkeys: [log.vkey], clock })
  const timeOf = async (witness: TestWitness, oldSize: number, size: number): Promise<number | string> => {
    const answer = await addCheckpoint(witness.url, log.request(oldSize, size))
    if (answer.status !== 200) return String(answer.status)
    const checkpoint = parseCheckpoint(Buffer.from(log.note(size) + answer.text)) ?? assert.fail('no note')
    const cosigner = parseCosigner(witness.vkeys[1] ?? '') ?? assert.fail('no key')
    return readCosignatures(checkpoint, [cosigner], undefined)?.[0]?.timeSeconds ?? 0
  }
  assert.equal(await timeOf(first, 0, 1), 1_800_000_000)
  await first.close()
  const { dataDir } = first
  const behind = await opened(t, { dataDir, clock: createManualClock(1_799_999_900_000) })
  assert.equal(await timeOf(behind, 1, 2), 1_800_000_000)
  const farBehind = await opened(t, { dataDir, clock: createManualClock(1_799_990_000_000) })
  assert.equal(await timeOf(farBehind, 2, 3), '503')
  assert.equal(await timeOf(behind, 2, 3), 1_800_000_000, 'and it keeps nothing of what it did not cosign')
})

test('reads the file of logs again when it changes, and keeps what it had when it is spoilt', async (t) => {
  const clock = createManualClock()
  const file = join(temporaryFolder(), 'logs')
  const second = createSmallLog('log.example/second')
  writeFileSync(file, `# the first\n${log.vkey}\n\n`)
  const witness = await opened(t, { vkeys: [], files: [file], clock })
  assert.equal((await addCheckpoint(witness.url, second.request(0, 1))).status, 404)
  writeFileSync(file, `${log.vkey}\n${second.vkey}\n`)
  assert.equal((await addCheckpoint(witness.url, second.request(0, 1))).status, 404, 'not more than once a second')
  clock.advance(1_000)
  assert.equal((await addCheckpoint(witness.url, second.request(0, 1))).status, 200)
  writeFileSync(file, `${log.vkey}\nrubbish\n`)
  clock.advance(1_000)
  assert.equal((await addCheckpoint(witness.url, second.request(1, 2))).status, 200)
  assert.match(witness.warnings.join(), /no verifier key/)
  rmSync(file)
  clock.advance(1_000)
  assert.equal((await addCheckpoint(witness.url, second.request(2, 3))).status, 200)
  writeFileSync(file, `${log.vkey}\n`)
  clock.advance(1_000)
  assert.equal((await addCheckpoint(witness.url, second.request(3, 4))).status, 404, 'no longer watched')
})

test('a log that rotates its key is known by both', async (t) => {
  const next = log.withKey(generateKeyPairSync('ed25519').privateKey)
  const witness = await opened(t, { vkeys: [log.vkey, next.vkey] })
  assert.equal((await addCheckpoint(witness.url, log.request(0, 3))).status, 200)
  assert.equal((await addCheckpoint(witness.url, next.request(3, 4))).status, 200)
  assert.equal((await addCheckpoint(witness.url, log.request(4, 5))).status, 200)
})

test('starts with keys of logs that are keys, and with at least one', async () => {
  const file = join(temporaryFolder(), 'logs')
  writeFileSync(file, 'rubbish\n')
  for (const changes of [{}, { vkeys: ['rubbish'] }, { files: [file] }, { files: [`${file}-absent`] }, { name: 'a b' }])
    await assert.rejects(openTestWitness({ ...changes }), { code: 'CONFIG_INVALID' }, JSON.stringify(changes))
  await assert.rejects(openTestWitness({ name: undefined, vkeys: [log.vkey] }), { code: 'CONFIG_INVALID' })
})

test('keeps evidence of two histories, once for each, and no more than there is room for', async (t) => {
  const witness = await opened(t, { requestsPerMinute: 100_000 })
  await addCheckpoint(witness.url, log.request(0, 5))
  const forked = log.fork(2)
  for (let again = 0; again < 3; again += 1) {
    await addCheckpoint(witness.url, forked.request(5, 5))
    await addCheckpoint(witness.url, forked.request(0, 5))
    await addCheckpoint(witness.url, forked.request(5, 8))
  }
  const kept = evidenceIn(witness)
  assert.deepEqual(new Set(kept.map((name) => name.split('-')[0])), new Set(['split', 'unproven']))
  assert.equal(kept.length, 2)
  const split = kept.find((name) => name.startsWith('split')) ?? ''
  const evidence: unknown = JSON.parse(readFileSync(join(witness.dataDir, 'evidence', split), 'utf8'))
  const { cosigned, request } = Object(evidence) as { cosigned: string; request: string } // as it was written above
  assert.equal(parseCheckpoint(Buffer.from(cosigned))?.size, 5)
  assert.equal(request, forked.request(5, 5).toString())
  for (let size = 6; size < 130; size += 1) await addCheckpoint(witness.url, forked.request(5, size))
  assert.equal(evidenceIn(witness).filter((name) => name.startsWith('unproven')).length, 100)
  assert.equal(evidenceIn(witness).filter((name) => name.startsWith('split')).length, 1, 'there is room for the other')
  assert.equal((await addCheckpoint(witness.url, log.request(5, 6))).status, 200)
})

test('what anybody can send leaves no evidence', async (t) => {
  const witness = await opened(t)
  await addCheckpoint(witness.url, log.request(0, 5))
  for (const body of ['rubbish', createSmallLog('log.example/x').request(0, 1), log.request(0, 4), log.request(2, 5)])
    await addCheckpoint(witness.url, body)
  assert.deepEqual(evidenceIn(witness), [])
})

test('takes no request that is too large, and no other method or path', async (t) => {
  const witness = await opened(t)
  assert.equal((await addCheckpoint(witness.url, Buffer.alloc(65_537))).status, 413)
  const chunked = await new Promise<number>((resolve) => {
    const sent = httpRequest(`${witness.url}/add-checkpoint`, { method: 'POST' }, ({ statusCode = 0 }) =>
      resolve(statusCode),
    )
    // answered and cut before the end of a body that never ends
    sent.on('error', () => undefined)
    for (let part = 0; part < 5; part += 1) sent.write(Buffer.alloc(20_000))
  })
  assert.equal(chunked, 413)
  assert.equal((await fetch(`${witness.url}/add-checkpoint`)).status, 405)
  assert.equal((await fetch(`${witness.url}/keys`, { method: 'POST' })).status, 405)
  assert.equal((await fetch(`${witness.url}/`)).status, 404)
  assert.equal((await fetch(`${witness.url}/checkpoint`)).status, 404)
  assert.equal((await fetch(`${witness.url}/checkpoint?origin=${'x'.repeat(5_000)}`)).status, 404)
})

test('each address has its share of requests', async (t) => {
  const clock = createManualClock()
  const witness = await opened(t, { clock, requestsPerMinute: 5 })
  for (let asked = 0; asked < 5; asked += 1) assert.equal((await fetch(`${witness.url}/keys`)).status, 200)
  assert.equal((await addCheckpoint(witness.url, log.request(0, 1))).status, 429)
  clock.advance(60_000)
  assert.equal((await addCheckpoint(witness.url, log.request(0, 1))).status, 200)
})

test('connections that are silent or slow give way to those that ask', async (t) => {
  const witness = await opened(t, { maxConnections: 20 })
  const sockets: Socket[] = []
  t.after(() => sockets.forEach((socket) => socket.destroy()))
  for (let at = 0; at < 200; at += 1) {
    const socket = connect(witness.port, '127.0.0.1')
    socket.on('error', () => undefined)
    sockets.push(socket)
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.write('POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 1000\r\n\r\nold ')
  }
  assert.equal((await addCheckpoint(witness.url, log.request(0, 1))).status, 200)
  assert.ok(witness.connections <= 20, `${witness.connections} connections`)
})
