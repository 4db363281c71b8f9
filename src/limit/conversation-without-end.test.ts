// The attack: one conversation, drawn out turn by turn until the agent has forgotten what it was told at its beginning,
// or does what no single message could make it do (session smuggling, Unit 42). Each turn for itself is allowed.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createManualClock } from '../base/clock.ts'
import { configSchema, type ConfigInput } from '../config/config.ts'
import { createLimiter, type Limiter, type TaskCounts } from './limit.ts'

/** Contexts by id with the messages that each has had, and tasks with their contexts. */
function setUp(limits: NonNullable<ConfigInput['limits']>): { limiter: Limiter; contexts: Map<string, number> } {
  const contexts = new Map<string, number>()
  const tasks: TaskCounts = {
    openTasks: () => 0,
    isOpen: () => true,
    turns: (_agent, _tenant, { contextId, taskId }) => contexts.get(contextId || `of ${taskId}`) ?? 0,
  }
  return {
    limiter: createLimiter({ clock: createManualClock(), limits: configSchema.parse({ limits }).limits, tasks }),
    contexts,
  }
}

const sentTo = (contextId: string, taskId = ''): { tenant: string; taskId: string; contextId: string } => ({
  tenant: '',
  taskId,
  contextId,
})
const caller = (id: string): { id: string; groups: string[] } => ({ id, groups: [] })

function codeOf(
  limiter: Limiter,
  to: ReturnType<typeof sentTo> | undefined,
  agent = 'calculator',
  id = 'key:a',
): string {
  const taken = limiter.take(caller(id), agent, false, to)
  return taken.ok ? 'taken' : taken.code
}

test('a context that has had its messages takes no further one, be it named by its id or by a task in it', () => {
  const { limiter, contexts } = setUp([{ per: ['caller'], turns: 3 }])
  contexts.set('c', 2).set('of t', 3)
  assert.equal(codeOf(limiter, sentTo('c')), 'taken')
  contexts.set('c', 3)
  assert.equal(codeOf(limiter, sentTo('c')), 'LIMIT_TURNS')
  assert.equal(codeOf(limiter, sentTo('c', 't2')), 'LIMIT_TURNS')
  assert.equal(codeOf(limiter, sentTo('', 't')), 'LIMIT_TURNS')
  // another caller in the same context takes turns of the same conversation
  assert.equal(codeOf(limiter, sentTo('c'), 'calculator', 'key:b'), 'LIMIT_TURNS')
})

test('what is no message, and a message in another context or in none, goes on', () => {
  const { limiter, contexts } = setUp([{ per: ['caller'], turns: 1 }])
  contexts.set('c', 5)
  assert.equal(codeOf(limiter, undefined), 'taken')
  assert.equal(codeOf(limiter, sentTo('d')), 'taken')
  assert.equal(codeOf(limiter, sentTo('')), 'taken')
})

test('only where a limit says so are turns counted, for the agents and callers that it speaks of', () => {
  const { limiter, contexts } = setUp([{ per: ['caller'], turns: 2, agents: ['calculator'], callers: ['key:a'] }])
  contexts.set('c', 9)
  assert.equal(codeOf(limiter, sentTo('c'), 'vault'), 'taken')
  assert.equal(codeOf(limiter, sentTo('c'), 'calculator', 'key:b'), 'taken')
  assert.equal(codeOf(limiter, sentTo('c')), 'LIMIT_TURNS')
  const countsTurns = (agent: string, to?: ReturnType<typeof sentTo>): unknown => {
    const taken = limiter.take(caller('key:a'), agent, false, to)
    return taken.ok && taken.countsTurns
  }
  assert.equal(countsTurns('calculator', sentTo('d')), true)
  assert.equal(countsTurns('calculator'), false)
  assert.equal(countsTurns('vault', sentTo('d')), false)
})
