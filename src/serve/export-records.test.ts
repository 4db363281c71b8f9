import assert from 'node:assert/strict'
import { readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync, existsSync, mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  createSample,
  sampleKeyEncryptionKey,
  sampleName,
  sampleOrigin,
  sampleRecord,
  type Sample,
} from '../../test/fakes/sample-ledger.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { Ledger } from '../audit/audit.ts'
import type { JsonObject } from '../base/strict-json.ts'
import { createDialler } from '../forward/forward.ts'
import { exportedBelow } from './export-cursor.ts'
import { startExport, type ExportOptions, type RecordExport } from './export-records.ts'
import { parseRetryAfter, SendFailure, type ExportTarget } from './export-target.ts'
import { createFileLines, createHttpLines } from './jsonl-lines.ts'
import { createOtlpLogs } from './otlp-logs.ts'

const secret = 'Bearer very-secret-token'

interface World {
  readonly dataDir: string
  readonly sample: Sample
  readonly ledger: Ledger
  /** every administrative record, log line and pause of the exports */
  readonly acts: { action: string; event: JsonObject }[]
  readonly said: { level: string; fields: object; message: string }[]
  readonly waits: number[]
  append(count: number): Promise<void>
  start(target: ExportTarget, changes?: Partial<ExportOptions>): RecordExport
  cursor(): { target: string; next: Record<string, number> }
}

async function makeWorld(t: TestContext): Promise<World> {
  const dataDir = temporaryFolder()
  const sample = createSample(join(dataDir, 'ledger'))
  const ledger = await sample.open()
  const world: Pick<World, 'acts' | 'said' | 'waits'> = { acts: [], said: [], waits: [] }
  const running: RecordExport[] = []
  let number = 0
  t.after(async () => {
    for (const each of running) await each.stop()
    await ledger.close()
  })
  return {
    ...world,
    dataDir,
    sample,
    ledger,
    async append(count) {
      const numbers = Array.from({ length: count }, () => number++)
      await Promise.all(numbers.map((each) => ledger.append(sampleRecord(each))))
    },
    start(target, changes = {}) {
      const started = startExport({
        name: 'siem',
        kind: 'test',
        target,
        dataDir,
        keyEncryptionKey: sampleKeyEncryptionKey,
        version: '0.1.0',
        clock: sample.clock,
        audit: {
          administered(action, _subject, event) {
            world.acts.push({ action, event })
            return Promise.resolve({ origin: '', index: 0, leafHash: '' })
          },
        },
        log: {
          info: (fields, message) => world.said.push({ level: 'info', fields, message }),
          warn: (fields, message) => world.said.push({ level: 'warn', fields, message }),
        },
        sizes: () => new Map([[sampleOrigin, ledger.size]]),
        wait: async (ms) => {
          if (ms !== 250) world.waits.push(ms)
          await turn()
        },
        ...changes,
      })
      running.push(started)
      return started
    },
    cursor: () => JSON.parse(readFileSync(join(dataDir, 'export', 'siem.json'), 'utf8')),
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function until(isReached: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + 10_000
  while (!isReached()) {
    assert.ok(performance.now() < endMs, `never: ${what}`)
    await turn()
  }
}

interface Receiver {
  readonly url: string
  readonly requests: { readonly headers: IncomingMessage['headers']; readonly body: string }[]
  /** what the next requests are answered with; 200 when there is none */
  readonly answers: ((response: ServerResponse) => void)[]
  lines(): { metadata: { sequence: number } }[]
}

const answer =
  (status: number, headers: Record<string, string> = {}, body = '') =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end(body)

async function listen(t: TestContext): Promise<Receiver> {
  const requests: Receiver['requests'] = []
  const answers: Receiver['answers'] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      requests.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') })
      ;(answers.shift() ?? answer(200))(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/ingest`,
    requests,
    answers,
    lines: () => requests.flatMap(({ body }) => parseLines(body)),
  }
}

const parseLines = (text: string): { metadata: { sequence: number } }[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

const sequences = (lines: readonly { metadata: { sequence: number } }[]): number[] =>
  lines.map((line) => line.metadata.sequence)
const upTo = (size: number): number[] => Array.from({ length: size }, (_, index) => index)

function httpTarget(t: TestContext, url: string): ExportTarget {
  return createHttpLines({ url, ...httpOptions(t) })
}

function httpOptions(t: TestContext): Omit<Parameters<typeof createHttpLines>[0], 'url'> {
  const dialler = createDialler()
  t.after(() => dialler.close())
  return { dialler, authorization: () => secret, tls: undefined, nowMs: () => 0 }
}

test('every record arrives once, in order, and the cursor follows', async (t) => {
  const world = await makeWorld(t)
  const receiver = await listen(t)
  await world.append(700)
  const running = world.start(httpTarget(t, `${receiver.url}?token=of-the-url`))
  await until(() => running.report().sent >= world.ledger.size, 'all sent')
  assert.deepEqual(sequences(receiver.lines()), upTo(world.ledger.size))
  await world.append(3)
  await until(() => running.report().sent === world.ledger.size, 'the new ones')
  await until(() => world.cursor().next[sampleOrigin] === world.ledger.size, 'the cursor')
  assert.deepEqual(sequences(receiver.lines()), upTo(world.ledger.size))
  assert.ok(receiver.requests.every(({ headers }) => headers['content-type'] === 'application/x-ndjson'))
  assert.ok(receiver.requests.every(({ headers }) => headers.authorization === secret))
  assert.ok(receiver.requests.every(({ body }) => body.split('\n').length <= 257))
  const { lagRecords, lagSeconds, failures, rejected } = running.report()
  assert.deepEqual({ lagRecords, failures, rejected }, { lagRecords: 0, failures: 0, rejected: 0 })
  await until(() => running.report().lagSeconds === 0, `lag gone, was ${lagSeconds}`)
  assert.equal(statSync(join(world.dataDir, 'export', 'siem.json')).mode & 0o777, 0o600)
  assert.deepEqual(
    world.acts.map(({ action }) => action),
    ['export.started'],
  )
})

test('a receiver that fails gets everything later, nothing twice, and is spoken of once', async (t) => {
  const world = await makeWorld(t)
  const receiver = await listen(t)
  const cut = (response: ServerResponse): void => void response.destroy()
  receiver.answers.push(
    answer(500),
    answer(405),
    answer(401),
    cut,
    answer(302, { location: '/elsewhere' }),
    answer(409),
  )
  await world.append(5)
  const running = world.start(httpTarget(t, receiver.url))
  await until(() => running.report().sent === world.ledger.size, 'all sent')
  assert.equal(receiver.requests.length, 7)
  assert.equal(new Set(receiver.requests.map(({ body }) => body)).size, 1)
  assert.equal(running.report().failures, 6)
  assert.deepEqual(
    world.said.map(({ level }) => level),
    ['warn', 'info'],
  )
  for (const [at, ms] of world.waits.entries()) {
    const most = Math.min(60_000, 1_000 * 2 ** at)
    assert.ok(ms >= most / 2 && ms <= most, `pause ${at}: ${ms}`)
  }
})

test('pauses end at a minute, and a receiver may ask for longer ones', async (t) => {
  const world = await makeWorld(t)
  const receiver = await listen(t)
  for (let times = 0; times < 12; times += 1) receiver.answers.push(answer(500))
  receiver.answers.push(answer(429, { 'retry-after': '700' }), answer(503, { 'retry-after': '99999999' }))
  receiver.answers.push(answer(404, { 'retry-after': '800' }))
  await world.append(1)
  const running = world.start(httpTarget(t, receiver.url))
  await until(() => running.report().sent === world.ledger.size, 'all sent')
  assert.ok(world.waits.slice(0, 12).every((ms) => ms <= 60_000))
  assert.deepEqual(world.waits.slice(12, 14), [700_000, 900_000])
  assert.ok((world.waits[14] ?? 0) <= 60_000)
})

test('Retry-After is seconds or a date, and nothing else counts', () => {
  const nowMs = Date.parse('2026-11-14T09:00:00Z')
  assert.equal(parseRetryAfter('7', nowMs), 7_000)
  assert.equal(parseRetryAfter('Sat, 14 Nov 2026 09:00:30 GMT', nowMs), 30_000)
  assert.equal(parseRetryAfter('Sat, 14 Nov 2026 08:00:00 GMT', nowMs), 0)
  for (const text of ['', 'soon', '-5x', '1e9e9', 'NaN']) assert.equal(parseRetryAfter(text, nowMs), undefined, text)
})

test('a receiver that never answers harms neither the ledger nor the end of the process', async (t) => {
  const world = await makeWorld(t)
  const receiver = await listen(t)
  receiver.answers.push(() => undefined)
  await world.append(2)
  const running = world.start(httpTarget(t, receiver.url))
  await until(() => receiver.requests.length === 1, 'asked')
  await world.append(300)
  world.sample.clock.advance(3_600_000)
  assert.equal(running.report().lagRecords, world.ledger.size)
  assert.ok(running.report().lagSeconds > 3_000)
  await running.stop()
  assert.equal(receiver.requests.length, 1)
})

test('after a crash between arrival and cursor one batch comes again, and none is missing', async (t) => {
  const world = await makeWorld(t)
  await world.append(1_000)
  const arrived: number[][] = []
  const target = (stopAt: number): ExportTarget => ({
    address: 'here',
    send(batch) {
      arrived.push(batch.records.map(({ line }) => parseLines(line)[0]?.metadata.sequence ?? -1))
      if (arrived.length !== stopAt) return Promise.resolve({ rejected: 0, why: '' })
      // it has arrived, and the process is gone before it hears of it
      return new Promise(() => undefined)
    },
    close: () => Promise.resolve(),
  })
  const first = world.start(target(2))
  await until(() => arrived.length === 2, 'the second batch')
  await first.stop()
  assert.equal(world.cursor().next[sampleOrigin], 256)
  const second = world.start(target(-1))
  await until(() => second.report().sent === world.ledger.size - 256, 'the rest')
  assert.deepEqual(arrived[1], arrived[2])
  assert.deepEqual([...(arrived[0] ?? []), ...arrived.slice(2).flat()], upTo(world.ledger.size))
  assert.deepEqual(
    world.acts.map(({ action }) => action),
    ['export.started'],
  )
})

test('lines are appended to a file, also to the new one after a rotation, and a torn line is ended', async (t) => {
  const world = await makeWorld(t)
  const path = join(world.dataDir, 'siem.jsonl')
  writeFileSync(path, '{"torn":')
  await world.append(300)
  const running = world.start(createFileLines(path))
  await until(() => running.report().sent === world.ledger.size, 'all sent')
  const [torn = '', ...lines] = readFileSync(path, 'utf8').split('\n')
  assert.equal(torn, '{"torn":')
  assert.deepEqual(sequences(parseLines(lines.join('\n'))), upTo(world.ledger.size))
  const before = world.ledger.size
  renameSync(path, `${path}.1`)
  await world.append(5)
  await until(() => running.report().sent === world.ledger.size, 'after the rotation')
  assert.deepEqual(sequences(parseLines(readFileSync(path, 'utf8'))), upTo(world.ledger.size).slice(before))
  assert.equal(statSync(path).mode & 0o777, 0o600)
  rmSync(path)
  await world.append(1)
  await until(() => running.report().sent === world.ledger.size, 'after the removal')
  assert.equal(parseLines(readFileSync(path, 'utf8')).length, 1)
})

test('a folder in the place of the file, or no folder for it, is waited for', async (t) => {
  const world = await makeWorld(t)
  const path = join(world.dataDir, 'logs', 'siem.jsonl')
  await world.append(2)
  const running = world.start(createFileLines(path))
  await until(() => running.report().failures > 2, 'no folder')
  mkdirSync(path, { recursive: true })
  const before = running.report().failures
  await until(() => running.report().failures > before + 2, 'not a file')
  rmSync(path, { recursive: true })
  await until(() => running.report().sent === world.ledger.size, 'all sent')
  assert.deepEqual(sequences(parseLines(readFileSync(path, 'utf8'))), upTo(world.ledger.size))
})

test('OTLP logs hold the event as text, with what people filter by; what is not kept is counted', async (t) => {
  const world = await makeWorld(t)
  const receiver = await listen(t)
  const partial = { partialSuccess: { rejectedLogRecords: '2', errorMessage: 'a\u001b[2J secret of the receiver' } }
  receiver.answers.push(answer(200, { 'content-type': 'application/json' }, JSON.stringify(partial)))
  await world.append(3)
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await world.ledger.append(sampleRecord(1, { event: { caller: 'key:ci', source: '192.0.2.1', trace } }))
  const running = world.start(createOtlpLogs({ url: receiver.url, version: '0.1.0', ...httpOptions(t) }))
  await until(() => running.report().sent === world.ledger.size, 'all sent')
  assert.equal(running.report().rejected, 2)
  assert.equal(receiver.requests.length, 1)
  assert.equal(receiver.requests[0]?.headers['content-type'], 'application/json')
  assert.equal(JSON.stringify(world.said).includes('secret of the receiver'), false)
  const request = JSON.parse(receiver.requests[0]?.body ?? '')
  const { resource, scopeLogs } = request.resourceLogs[0]
  assert.deepEqual(resource.attributes[0], { key: 'service.name', value: { stringValue: 'sallyport' } })
  const records = scopeLogs[0].logRecords
  assert.equal(records.length, world.ledger.size)
  const last = records.at(-1)
  const event = JSON.parse(last.body.stringValue)
  assert.equal(event.metadata.sequence, world.ledger.size - 1)
  assert.equal(last.timeUnixNano, `${event.time}000000`)
  assert.equal(last.severityNumber, 9)
  assert.equal(last.traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
  assert.equal(last.spanId, '00f067aa0ba902b7')
  const attributes = Object.fromEntries(
    last.attributes.map(({ key, value }: { key: string; value: object }) => [key, value]),
  )
  assert.deepEqual(attributes['ocsf.class_uid'], { intValue: '6003' })
  assert.deepEqual(attributes['ocsf.uid'], { stringValue: `${sampleOrigin}/${world.ledger.size - 1}` })
})

test('neither the authorization nor the query of the URL is told to anybody else', async (t) => {
  const world = await makeWorld(t)
  const receiver = await listen(t)
  receiver.answers.push(answer(403, {}, secret), answer(500, { 'retry-after': secret }))
  await world.append(2)
  const running = world.start(httpTarget(t, `${receiver.url}?key=${encodeURIComponent('query-secret')}`))
  await until(() => running.report().sent === world.ledger.size, 'all sent')
  await running.stop()
  const { dialler: _dialler, ...options } = httpOptions(t)
  const broken = createHttpLines({
    url: receiver.url,
    ...options,
    dialler: { post: () => Promise.reject(new Error(`cannot send ${secret}`)) },
  })
  const other = world.start(broken, { name: 'other' })
  const unreadable = world.start(
    createHttpLines({
      ...httpOptions(t),
      url: receiver.url,
      authorization: () => {
        throw new Error(secret)
      },
    }),
    { name: 'third' },
  )
  await until(() => other.report().failures > 1 && unreadable.report().failures > 1, 'failures')
  const told = JSON.stringify([world.said, world.acts, running.report(), other.report()])
  const kept = readdirSync(join(world.dataDir, 'export')).map((name) =>
    readFileSync(join(world.dataDir, 'export', name), 'utf8'),
  )
  for (const text of [told, ...kept]) assert.equal(/very-secret-token|query-secret/.test(text), false, text)
})

test('another target goes on from the cursor, and that is a record', async (t) => {
  const world = await makeWorld(t)
  const [one, two] = [await listen(t), await listen(t)]
  await world.append(4)
  const first = world.start(httpTarget(t, one.url))
  await until(() => first.report().sent === world.ledger.size, 'all sent')
  await first.stop()
  const before = world.ledger.size
  await world.append(2)
  const second = world.start(httpTarget(t, two.url))
  await until(() => second.report().sent === world.ledger.size - before, 'the rest')
  assert.deepEqual(sequences(two.lines()), upTo(world.ledger.size).slice(before))
  assert.deepEqual(
    world.acts.map(({ action, event }) => [action, event['target']]),
    [
      ['export.started', `test ${one.url}`],
      ['export.retargeted', `test ${two.url}`],
    ],
  )
})

test('a cursor that cannot be read means that everything is sent again, and is recorded', async (t) => {
  const world = await makeWorld(t)
  const receiver = await listen(t)
  mkdirSync(join(world.dataDir, 'export'))
  const texts = ['', '{', '[]', '{"v":2,"target":"x","next":{}}', `{"v":1,"target":"x","next":{"${sampleOrigin}":-1}}`]
  await world.append(3)
  for (const [at, text] of texts.entries()) {
    writeFileSync(join(world.dataDir, 'export', `siem${at}.json`), text)
    const running = world.start(httpTarget(t, receiver.url), { name: `siem${at}` })
    await until(() => running.report().sent === world.ledger.size, `all sent with ${text}`)
    assert.equal(world.acts.at(-1)?.event['detail'], 'the cursor could not be read')
  }
})

test('a cursor that cannot be written holds everything at one batch', async (t) => {
  const world = await makeWorld(t)
  const receiver = await listen(t)
  await world.append(600)
  // a folder where the new cursor is to be written
  let isStuck = false
  const target = httpTarget(t, receiver.url)
  const running = world.start({
    ...target,
    async send(batch) {
      if (!isStuck) mkdirSync(join(world.dataDir, 'export', 'siem.json.tmp'))
      isStuck = true
      return await target.send(batch)
    },
  })
  await until(() => running.report().failures > 3, 'failures')
  assert.equal(receiver.requests.length, 1)
  rmSync(join(world.dataDir, 'export', 'siem.json.tmp'), { recursive: true })
  await until(() => running.report().sent === world.ledger.size, 'all sent')
  assert.deepEqual(sequences(receiver.lines()), upTo(world.ledger.size))
})

test('records that were pruned before they were sent are counted, not passed over in silence', async (t) => {
  const world = await makeWorld(t)
  const receiver = await listen(t)
  await world.append(200)
  const log = join(world.dataDir, 'ledger', sampleName)
  const [oldest = '', next = ''] = readdirSync(join(log, 'segments')).toSorted()
  const minimum = Number(next.slice(0, 20))
  assert.ok(minimum > 0)
  rmSync(join(log, 'segments', oldest))
  writeFileSync(join(log, 'minimum-index'), `${minimum}\n`)
  const running = world.start(httpTarget(t, receiver.url))
  await until(() => running.report().sent === world.ledger.size - minimum, 'the rest')
  assert.deepEqual(sequences(receiver.lines()), upTo(world.ledger.size).slice(minimum))
  assert.deepEqual(world.acts.at(-1), {
    action: 'export.skipped',
    event: { name: 'siem', log: sampleOrigin, records: minimum },
  })
})

test('a log that cannot be read keeps no other from being sent', async (t) => {
  const world = await makeWorld(t)
  const receiver = await listen(t)
  const damaged = join(world.dataDir, 'ledger', '00000000', 'segments')
  mkdirSync(damaged, { recursive: true })
  writeFileSync(join(damaged, '00000000000000000000.seg'), 'not a segment')
  await world.append(3)
  const running = world.start(httpTarget(t, receiver.url))
  await until(() => running.report().sent === world.ledger.size, 'all sent')
  await until(() => running.report().failures === 1, 'tried')
  world.sample.clock.advance(31_000)
  await until(() => running.report().failures === 2, 'tried again')
  assert.equal(world.said.filter(({ level }) => level === 'warn').length, 1)
  assert.equal(existsSync(join(world.dataDir, 'export', 'siem.json')), true)
})

test('two receivers know nothing of one another', async (t) => {
  const world = await makeWorld(t)
  const receiver = await listen(t)
  await world.append(10)
  const broken: ExportTarget = {
    address: 'nowhere',
    send: () => Promise.reject(new SendFailure('status 500')),
    close: () => Promise.resolve(),
  }
  const stuck = world.start(broken, { name: 'stuck' })
  const running = world.start(httpTarget(t, receiver.url))
  await until(() => running.report().sent === world.ledger.size, 'all sent')
  assert.equal(stuck.report().sent, 0)
  assert.equal(stuck.sentBelow(sampleOrigin), 0)
  assert.equal(stuck.report().lagRecords, world.ledger.size)
  await until(() => world.cursor().next[sampleOrigin] === world.ledger.size, 'the cursor')
  // retention waits for the slowest
  const below = (...names: string[]): number | undefined => exportedBelow(world.dataDir, names, sampleOrigin)
  assert.deepEqual(
    [below(), below('siem'), below('siem', 'stuck'), below('siem', 'to come')],
    [undefined, world.ledger.size, 0, 0],
  )
})
