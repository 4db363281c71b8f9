// What a caller says of its trace goes on only as far as the configuration trusts it, in the form that the specification
// has and no other, and under a span of the gateway's own. Nothing of it makes a call fail.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { ConfigInput } from '../config/config.ts'
import { parseTraceContext } from '../base/trace-context.ts'
import { messageParams, say, startFakeWalk, type Ask, type FakeWalk } from './fake-walk.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${traceId}-b7ad6b7169203331-01`

interface Seen {
  readonly walk: FakeWalk
  readonly fields: Record<string, unknown>
}

/** One send, and the fields that the agent got with it. */
async function seenByAgent(headers: Record<string, string>, config: ConfigInput = {}, ask: Ask = {}): Promise<Seen> {
  const walk = await startFakeWalk({ config })
  let fields: Record<string, unknown> = {}
  walk.agent = (request, response, body) => {
    fields = request.headers
    say(response, body, { task: { id: 't', contextId: 'c', status: { state: 'TASK_STATE_COMPLETED' } } })
  }
  try {
    const reply = await walk.rpc('SendMessage', messageParams, { headers, ...ask })
    if (ask.as === undefined) assert.equal(reply.status, 200)
    assert.deepEqual(
      Object.keys(reply.headers).filter((name) => /trace|baggage/.test(name)),
      [],
    )
    return { walk, fields }
  } finally {
    await walk.close()
  }
}

test('a trace is continued under a span of our own, which the record names', async () => {
  const { walk, fields } = await seenByAgent({ traceparent, tracestate: 'rojo=1, congo=2', baggage: 'user=alice' })
  const sent = parseTraceContext(String(fields['traceparent']), undefined)
  assert.equal(sent?.traceId, traceId)
  assert.notEqual(sent.spanId, 'b7ad6b7169203331')
  assert.equal(sent.flags, 1)
  assert.equal(fields['tracestate'], 'rojo=1,congo=2')
  assert.equal(fields['baggage'], undefined)
  assert.equal(walk.records[0]?.facts.trace, fields['traceparent'])
  assert.equal(walk.records[0]?.facts.callerTrace, traceparent)
})

test('two calls in one trace have spans of their own', async () => {
  const one = await seenByAgent({ traceparent })
  const other = await seenByAgent({ traceparent })
  assert.notEqual(one.fields['traceparent'], other.fields['traceparent'])
})

test('without a trace none is begun', async () => {
  const { walk, fields } = await seenByAgent({ tracestate: 'rojo=1' })
  assert.equal(fields['traceparent'], undefined)
  assert.equal(fields['tracestate'], undefined)
  assert.equal(walk.records[0]?.facts.trace, '')
  assert.equal(walk.records[0].facts.callerTrace, undefined)
})

test('what is no traceparent goes nowhere, and the call goes on', async () => {
  for (const wrong of [
    'rubbish',
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `ff-${traceId}-b7ad6b7169203331-01`,
    `00-${traceId.toUpperCase()}-b7ad6b7169203331-01`,
    `${traceparent}-more`,
  ]) {
    const { walk, fields } = await seenByAgent({ traceparent: wrong, tracestate: 'rojo=1' })
    assert.equal(fields['traceparent'], undefined, wrong)
    assert.equal(fields['tracestate'], undefined, wrong)
    assert.equal(walk.records[0]?.facts.trace, '', wrong)
    assert.equal(walk.records[0].facts.callerTrace, undefined, wrong)
  }
})

test('a tracestate that is malformed or too long is left behind, and the trace goes on', async () => {
  for (const wrong of ['rojo', 'rojo=1,rojo=2', `a=${'x'.repeat(256)},b=${'x'.repeat(256)}`]) {
    const { fields } = await seenByAgent({ traceparent, tracestate: wrong })
    assert.match(String(fields['traceparent']), new RegExp(traceId))
    assert.equal(fields['tracestate'], undefined, wrong)
  }
})

test('of whom the configuration does not trust nothing goes on, and the record keeps what was sent', async () => {
  for (const continueFrom of ['nobody', ['key:bob', 'user:*', 'group:corp/staff']] as const) {
    const telemetry = { traces: { continueFrom: typeof continueFrom === 'string' ? continueFrom : [...continueFrom] } }
    const { walk, fields } = await seenByAgent({ traceparent, tracestate: 'rojo=1' }, { telemetry })
    assert.equal(fields['traceparent'], undefined)
    assert.equal(fields['tracestate'], undefined)
    assert.equal(walk.records[0]?.facts.trace, '')
    assert.equal(walk.records[0].facts.callerTrace, traceparent)
  }
})

test('callers that are named are trusted, by name and by kind', async () => {
  for (const named of ['key:alice', 'key:*']) {
    const { fields } = await seenByAgent({ traceparent }, { telemetry: { traces: { continueFrom: [named] } } })
    assert.match(String(fields['traceparent']), new RegExp(traceId))
  }
})

test('a refusal of somebody unknown is in no trace that he chose, unless everyone is trusted', async () => {
  const refused = await seenByAgent({ traceparent }, {}, { as: '' })
  assert.equal(refused.walk.records[0]?.kind, 'refusedUnknown')
  assert.equal(refused.walk.records[0].facts.trace, '')
  assert.equal(refused.walk.records[0].facts.callerTrace, traceparent)
  const trusting = await seenByAgent(
    { traceparent },
    { telemetry: { traces: { continueFrom: 'everyone' } } },
    { as: '' },
  )
  assert.match(trusting.walk.records[0]?.facts.trace ?? '', new RegExp(traceId))
})

test('a refusal of somebody known is in the trace of its caller', async () => {
  const { walk } = await seenByAgent({ traceparent }, {}, { as: 'nobody' })
  assert.equal(walk.records[0]?.kind, 'refused')
  assert.match(walk.records[0].facts.trace, new RegExp(traceId))
})
