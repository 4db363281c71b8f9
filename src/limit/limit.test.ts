import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Operation } from '../a2a/operations.ts'
import { createManualClock, type ManualClock } from '../base/clock.ts'
import { configSchema, type ConfigInput } from '../config/config.ts'
import type { Admitted, Authorized } from '../exchange/exchange.ts'
import { isRefusal, type Refusal } from '../refusal/refusal.ts'
import { createLimiter, limit, type Limiter } from './limit.ts'

type Limits = NonNullable<ConfigInput['limits']>

function setUp(limits: Limits, maxKeys?: number): { clock: ManualClock; limiter: Limiter } {
  const clock = createManualClock()
  const options = { clock, limits: configSchema.parse({ limits }).limits }
  return { clock, limiter: createLimiter(maxKeys === undefined ? options : { ...options, maxKeys }) }
}

function call(
  caller = 'key:alice',
  agent = 'calculator',
  operation: Operation = 'SendMessage',
  groups: string[] = [],
): Authorized {
  // Tests stand where the earlier stages would.
  const fields: unknown = { caller: { id: caller, groups }, agent: { name: agent }, operation }
  const claimed: { call: Authorized } = { call: fields as never }
  return claimed.call
}

function take(limiter: Limiter, authorized: Authorized = call()): Admitted | Refusal {
  return limit(authorized, limiter)
}

/** How many of so many calls are admitted. */
function admitted(limiter: Limiter, count: number, make: () => Authorized = call): number {
  return Array.from({ length: count }, () => take(limiter, make())).filter((result) => !isRefusal(result)).length
}

function refusalOf(result: Admitted | Refusal): Refusal {
  assert.ok(isRefusal(result))
  return result
}

function stream(): Authorized {
  return call('key:alice', 'calculator', 'SendStreamingMessage')
}

function names(from: number): string[] {
  return Array.from({ length: 10 }, (_, index) => `key:${from + index}`)
}

describe('a rate', () => {
  it('of the default is 600 a minute for each caller', () => {
    const { clock, limiter } = setUp([])
    assert.equal(admitted(limiter, 700), 600)
    assert.equal(
      admitted(limiter, 700, () => call('key:bob')),
      600,
    )
    clock.advance(1000)
    assert.equal(admitted(limiter, 100), 10)
  })
  it('per caller counts all agents together, per agent all callers, per pair neither', () => {
    const callers = ['key:a', 'key:b']
    const agents = ['x', 'y']
    const total = (per: ('caller' | 'agent')[]): number => {
      const { limiter } = setUp([{ per, requests: '5/s' }])
      return callers
        .flatMap((caller) => agents.map((agent) => admitted(limiter, 10, () => call(caller, agent))))
        .reduce((sum, n) => sum + n, 0)
    }
    assert.equal(total(['caller']), 10)
    assert.equal(total(['agent']), 10)
    assert.equal(total(['caller', 'agent']), 20)
    assert.equal(total(['agent', 'caller']), 20)
  })
  it('has a burst of its own', () => {
    const { clock, limiter } = setUp([{ per: ['caller'], requests: '60/m', burst: 3 }])
    assert.equal(admitted(limiter, 10), 3)
    clock.advance(999)
    assert.equal(admitted(limiter, 1), 0)
    clock.advance(1)
    assert.equal(admitted(limiter, 10), 1)
  })
  it('holds only for the agents and callers it names', () => {
    const { limiter } = setUp([
      { per: ['caller'], requests: '2/m', agents: ['vault'], callers: ['group:corp/interns', 'key:*'] },
    ])
    assert.equal(
      admitted(limiter, 5, () => call('key:a', 'vault')),
      2,
    )
    assert.equal(
      admitted(limiter, 5, () => call('key:a', 'calculator')),
      5,
    )
    assert.equal(
      admitted(limiter, 5, () => call('user:corp/1', 'vault')),
      5,
    )
    assert.equal(
      admitted(limiter, 5, () => call('user:corp/2', 'vault', 'SendMessage', ['group:corp/interns'])),
      2,
    )
  })
  it('of the default holds for those whom no limit of a caller names', () => {
    const { limiter } = setUp([
      { per: ['caller'], requests: '5000/m', callers: ['key:bulk'] },
      { per: ['agent'], requests: '9000/m' },
    ])
    assert.equal(
      admitted(limiter, 1000, () => call('key:bulk')),
      1000,
    )
    assert.equal(
      admitted(limiter, 1000, () => call('key:alice')),
      600,
    )
  })
  it('takes nothing from any limit when one refuses', () => {
    const { clock, limiter } = setUp([
      { per: ['caller'], requests: '3/m' },
      { per: ['agent'], agents: ['calculator'], requests: '1/s' },
    ])
    assert.equal(admitted(limiter, 20), 1)
    clock.advance(1000)
    assert.equal(admitted(limiter, 20), 1)
    assert.equal(
      admitted(limiter, 20, () => call('key:alice', 'vault')),
      1,
    )
  })
})

describe('a refusal', () => {
  it('says when to come back', () => {
    const { clock, limiter } = setUp([{ per: ['caller'], requests: '2/m' }])
    admitted(limiter, 2)
    const refusal = refusalOf(take(limiter))
    assert.equal(refusal.code, 'LIMIT_RATE')
    assert.deepEqual(refusal.headers, {
      'retry-after': '30',
      ratelimit: '"caller";r=0;t=60',
      'ratelimit-policy': '"caller";q=2;w=60',
    })
    clock.advance(30_000)
    assert.equal(admitted(limiter, 2), 1)
  })
  it("by an agent's shared limit tells nothing of others but when to come back", () => {
    const { limiter } = setUp([{ per: ['agent'], requests: '2/m' }])
    admitted(limiter, 2, () => call('key:bob'))
    assert.deepEqual(refusalOf(take(limiter)).headers, { 'retry-after': '30' })
  })
})

describe('the fields of an answer', () => {
  it("give the caller's own quota and what is left", () => {
    const { limiter } = setUp([])
    const first = take(limiter)
    assert.ok(!isRefusal(first))
    assert.deepEqual(first.limitHeaders, { ratelimit: '"caller";r=599;t=1', 'ratelimit-policy': '"caller";q=600;w=60' })
  })
  it('name each limit once and leave out those shared with others', () => {
    const { limiter } = setUp([
      { per: ['caller'], requests: '10/s' },
      { per: ['caller'], requests: '100/h' },
      { per: ['caller', 'agent'], requests: '5/s' },
      { per: ['agent'], requests: '7/s' },
    ])
    const first = take(limiter)
    assert.ok(!isRefusal(first))
    assert.equal(
      first.limitHeaders['ratelimit-policy'],
      '"caller";q=10;w=1, "caller-2";q=100;w=3600, "caller-agent";q=5;w=1',
    )
    assert.equal(first.limitHeaders['ratelimit'], '"caller";r=9;t=1, "caller-2";r=99;t=36, "caller-agent";r=4;t=1')
  })
})

describe('streams', () => {
  it('are 100 at once for each caller by default', () => {
    const { limiter } = setUp([])
    assert.equal(admitted(limiter, 120, stream), 100)
    assert.equal(refusalOf(take(limiter, stream())).code, 'LIMIT_STREAMS')
    assert.equal(admitted(limiter, 1), 1)
  })
  it('are still bounded by default where a limit gives only a rate', () => {
    const { limiter } = setUp([{ per: ['caller'], requests: '5000/m' }])
    assert.equal(admitted(limiter, 120, stream), 100)
  })
  it('give their place back once, however often it is released', () => {
    const { limiter } = setUp([{ per: ['caller'], concurrentStreams: 2 }])
    const first = take(limiter, stream())
    assert.ok(!isRefusal(first))
    assert.equal(admitted(limiter, 3, stream), 1)
    first.releasePermit()
    first.releasePermit()
    assert.equal(admitted(limiter, 3, stream), 1)
  })
  it('of an agent are counted over all callers', () => {
    const { limiter } = setUp([{ per: ['agent'], concurrentStreams: 3 }])
    const many = ['a', 'b', 'c', 'd'].map((name) => take(limiter, call(`key:${name}`, 'calculator', 'SubscribeToTask')))
    assert.deepEqual(many.map(isRefusal), [false, false, false, true])
  })
  it('that are refused cost no call, and calls that are refused hold no stream', () => {
    const { limiter } = setUp([{ per: ['caller'], requests: '3/m', concurrentStreams: 1 }])
    assert.equal(admitted(limiter, 10, stream), 1)
    assert.equal(admitted(limiter, 10), 2)
  })
})

describe('a table of counters', () => {
  it('forgets those that are not in use when room is needed', () => {
    const { clock, limiter } = setUp([{ per: ['caller'], requests: '60/m', concurrentStreams: 5 }], 10)
    for (const name of names(0))
      assert.equal(
        admitted(limiter, 1, () => call(name)),
        1,
      )
    assert.equal(
      admitted(limiter, 1, () => call('key:new')),
      0,
    )
    clock.advance(1001)
    for (const name of names(100))
      assert.equal(
        admitted(limiter, 1, () => call(name)),
        1,
      )
  })
})
