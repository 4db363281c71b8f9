import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { refuse } from '../refusal/refusal.ts'
import { createAgentTrouble } from './agent-trouble.ts'

const call = (name: string, binding = 'JSONRPC'): Admitted =>
  // only what is read of it
  ({
    agent: { name, url: `http://${name}/rpc`, restUrl: `http://${name}/rest`, grpcUrl: `http://${name}:1` },
    binding: 'JSONRPC',
    agentFace: { binding, version: '1.0' },
    operation: 'SendMessage',
  }) as unknown as Admitted
const broken = refuse('RELEASE_INVALID_ANSWER', 'syntax at 0 (status 404)')

function start(): { lines: object[]; note: ReturnType<typeof createAgentTrouble>; advance: (ms: number) => void } {
  const clock = createManualClock()
  const lines: object[] = []
  return { lines, note: createAgentTrouble(clock, (fields) => lines.push(fields)), advance: (ms) => clock.advance(ms) }
}

test('the first trouble of its kind is told at once, with where and why', () => {
  const { lines, note } = start()
  note.note(call('a'), broken)
  assert.deepEqual(lines, [
    {
      agent: 'a',
      code: 'RELEASE_INVALID_ANSWER',
      detail: 'syntax at 0 (status 404)',
      url: 'http://a/rpc',
      operation: 'SendMessage',
      count: 1,
    },
  ])
  note.note(call('b', 'HTTP+JSON'), broken)
  assert.equal((lines[1] as { url: string }).url, 'http://b/rest')
  note.note(call('c', 'GRPC'), broken)
  assert.equal((lines[2] as { url: string }).url, 'http://c:1')
})

test('what follows within ten seconds is one line with a count, by itself when nothing comes after', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { lines, note, advance } = start()
  for (let at = 0; at < 1_000; at++) note.note(call('a'), broken)
  note.note(call('a'), refuse('FORWARD_TIMEOUT', 'x'))
  assert.equal(lines.length, 2)
  advance(10_000)
  t.mock.timers.tick(10_000)
  assert.equal(lines.length, 3)
  assert.equal((lines[2] as { count: number }).count, 999)
  t.mock.timers.tick(60_000)
  assert.equal(lines.length, 3)
})

test('after a quiet while the next one is told at once', () => {
  const { lines, note, advance } = start()
  note.note(call('a'), broken)
  advance(10_001)
  note.note(call('a'), broken)
  assert.equal(lines.length, 2)
})

test('what was held back is told at the end', () => {
  const { lines, note } = start()
  for (let at = 0; at < 3; at++) note.note(call('a'), broken)
  note.close()
  assert.deepEqual(
    lines.map((line) => (line as { count: number }).count),
    [1, 2],
  )
})
