// What `audit search` and `audit reindex` ask for, and what they refuse to ask for.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { mkdirSync } from 'node:fs'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { runCli } from './cli.ts'
import type { Ports, SearchOptions, TailRecord } from './ports.ts'
import { readTime } from './read-time.ts'

const cwd = temporaryFolder()
mkdirSync(join(cwd, 'data/ledger/aaaaaaaa/segments'), { recursive: true })

interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly asked: readonly SearchOptions[]
}

async function run(words: readonly string[], act: (options: SearchOptions) => TailRecord[] = () => []): Promise<Run> {
  let [out, err] = ['', '']
  const asked: SearchOptions[] = []
  const ports: Pick<Ports, 'searchLedger' | 'reindexLedger'> = {
    async *searchLedger(options) {
      asked.push(options)
      yield* await Promise.resolve(act(options))
    },
    reindexLedger: () => Promise.resolve({ records: 12, logs: 1, bytes: 3_000, milliseconds: 1_540 }),
  }
  const io = {
    out: (text: string): void => void (out += text),
    err: (text: string): void => void (err += text),
    color: false,
    cwd,
    stopSignal: () => new AbortController().signal,
  }
  // these commands call nothing else
  const code = await runCli(words, io, () => Promise.resolve(ports as unknown as Ports))
  return { code, out, err, asked }
}

const search = (...words: string[]): ReturnType<typeof run> => run(['audit', 'search', '--data-dir', 'data', ...words])

test('asks for exactly what was given', async () => {
  const words =
    '--caller key:ci --origin user:corp/1 --agent a --task t --context c --operation Send* --outcome refused'
  const { code, asked } = await search(
    ...words.split(' '),
    ...'--code AUTHN_* --kind decision --call x --since 2026-11-14 --until 2026-11-15T10:00:00+01:00'.split(' '),
    ...'--limit 7 --reverse'.split(' '),
  )
  assert.equal(code, 0)
  assert.deepEqual(asked[0]?.query, {
    caller: 'key:ci',
    origin: 'user:corp/1',
    agent: 'a',
    task: 't',
    context: 'c',
    operation: 'Send*',
    outcome: 'refused',
    code: 'AUTHN_*',
    kind: 'decision',
    call: 'x',
    sinceMs: Date.UTC(2026, 10, 14),
    untilMs: Date.UTC(2026, 10, 15, 9),
  })
  assert.deepEqual([asked[0]?.limit, asked[0]?.reverse], [7, true])
  const { asked: plain } = await search()
  assert.deepEqual([plain[0]?.query, plain[0]?.limit, plain[0]?.reverse], [{}, 100, false])
})

test('refuses what it does not understand, and asks nothing', async () => {
  const wrong = [
    ['--outcome', 'denied'],
    ['--kind', 'call'],
    ['--code', 'A*B*'],
    ['--operation', '*Message'],
    ['--since', 'yesterday'],
    ['--since', '14.11.2026'],
    ['--until', '2026-13-01'],
    ['--until', '2026-11-14T10:00:00'],
    ['--since', '2026-11-15', '--until', '2026-11-14'],
    ['--limit', '0'],
    ['--limit', '10001'],
    ['--limit', '1e3'],
    ['--limit=-1'],
    ['--user', 'x'],
    ['word'],
  ]
  for (const words of wrong) {
    const { code, out, err, asked } = await search(...words)
    assert.deepEqual([code, out, asked.length], [2, '', 0], words.join(' '))
    assert.match(err, /^error: /)
  }
  assert.equal((await run(['audit', 'search', '--data-dir', 'nowhere'])).code, 2)
})

const record: TailRecord = {
  log: 'aaaaaaaa',
  index: 17,
  time: '2026-11-14T09:00:00.000Z',
  kind: 'decision',
  call: 'x',
  caller: 'key:ci\u001b[2J',
  origin: 'user:corp/1',
  agent: 'calculator',
  operation: 'SendMessage',
  outcome: 'refused',
  code: 'AUTHZ_DENIED',
  ocsf: { class_uid: 6003 },
}

test('prints a line for each record, in which nothing steers the terminal, and notes on standard error', async () => {
  const { out, err, code } = await run(['audit', 'search', '--data-dir', 'data'], ({ note, warn, onProgress }) => {
    note('there are more')
    warn('something is odd', 'look there')
    onProgress(5_000)
    return [record]
  })
  assert.equal(code, 0)
  assert.equal(
    out,
    '2026-11-14T09:00:00.000Z  aaaaaaaa  #17  decision  refused  AUTHZ_DENIED  key:ci\ufffd[2J for user:corp/1 SendMessage calculator\n',
  )
  assert.equal(err, 'note: there are more\nwarning: something is odd\nhint: look there\n')
})

test('a log that cannot be read to its end is an error, after what was found', async () => {
  const { out, err, code } = await run(['audit', 'search', '--data-dir', 'data'], ({ damage }) => {
    damage('aaaaaaaa ends early', 'run sallyport audit verify')
    return [record]
  })
  assert.deepEqual([code, out === '', err.startsWith('error: aaaaaaaa')], [3, false, true])
})

test('prints JSON, one record a line', async () => {
  const { out } = await run(['audit', 'search', '--data-dir', 'data', '--json'], () => [record, record])
  const lines = out.trim().split('\n')
  assert.equal(lines.length, 2)
  for (const line of lines) assert.deepEqual(JSON.parse(line), { class_uid: 6003 })
})

test('reindex says what it did', async () => {
  const { code, out } = await run(['audit', 'reindex', '--data-dir', 'data'])
  assert.deepEqual([code, out], [0, 'indexed 12 records of 1 log in 1.5 s, 3000 bytes\n'])
  const { out: json } = await run(['audit', 'reindex', '--data-dir', 'data', '--json'])
  assert.deepEqual(JSON.parse(json), { records: 12, logs: 1, bytes: 3_000, milliseconds: 1_540 })
})

test('reads times: RFC 3339, a date, how far back', () => {
  const nowMs = Date.UTC(2026, 10, 24, 18)
  assert.equal(readTime('--since', '24h', nowMs), nowMs - 86_400_000)
  assert.equal(readTime('--since', '90s', nowMs), nowMs - 90_000)
  assert.equal(readTime('--since', '2026-11-24', nowMs), Date.UTC(2026, 10, 24))
  assert.equal(readTime('--since', '2026-11-24T01:02:03.5Z', nowMs), Date.UTC(2026, 10, 24, 1, 2, 3, 500))
})
