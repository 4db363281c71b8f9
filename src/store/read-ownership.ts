// Reads single rows of index.db, on the event loop and therefore by key only: some ten microseconds each. It never
// writes, and waits for no one who does: in a write-ahead log readers see the last transaction that is through.

import type { DatabaseSync } from 'node:sqlite'
import { invariant } from '../base/invariant.ts'
import { integer, text, type Columns } from './columns.ts'
import type { ContextRow, OwnedRow, PushConfigRow, TaskRow } from './ownership-rows.ts'

export interface RowReader {
  task(agent: string, tenant: string, taskId: string): TaskRow | undefined
  context(agent: string, tenant: string, contextId: string): ContextRow | undefined
  pushConfig(agent: string, tenant: string, taskId: string, configId: string): PushConfigRow | undefined
  applied(): Map<string, number>
  /** nothing has ever been claimed here */
  isEmpty(): boolean
}

// `+`: by the id first, whatever the planner thinks of the few rows of scope
const from = (table: string): string =>
  `FROM ${table} r JOIN scope s ON s.id = +r.scope JOIN owner o ON o.id = r.owner JOIN group_set g ON g.id = r.group_set`
const inScope = 's.agent = ? AND s.tenant = ?'
const owned = 'o.caller, o.origin, g.groups, r.created_at_ms'

export function prepareRowReader(database: DatabaseSync): RowReader {
  const task = database.prepare(
    `SELECT ${owned}, r.context_id, r.state, r.timestamp_ms ${from('task')} WHERE r.task_id = ? AND ${inScope}`,
  )
  const context = database.prepare(
    `SELECT ${owned}, r.name, r.turns ${from('context')} WHERE r.context_id = ? AND ${inScope}`,
  )
  const config = database.prepare(
    `SELECT ${owned} ${from('push_config')} WHERE r.task_id = ? AND r.config_id = ? AND ${inScope}`,
  )
  return {
    task: (agent, tenant, taskId) => {
      const row = task.get(taskId, agent, tenant)
      if (row === undefined) return undefined
      const rest = {
        contextId: text(row, 'context_id'),
        state: text(row, 'state'),
        timestampMs: integer(row, 'timestamp_ms'),
      }
      return { agent, tenant, taskId, ...readOwned(row), ...rest }
    },
    context: (agent, tenant, contextId) => {
      const row = context.get(contextId, agent, tenant)
      if (row === undefined) return undefined
      const name = text(row, 'name')
      return {
        agent,
        tenant,
        contextId,
        ...readOwned(row),
        name: name === '' ? contextId : name,
        turns: integer(row, 'turns'),
      }
    },
    pushConfig: (agent, tenant, taskId, configId) => {
      const row = config.get(taskId, configId, agent, tenant)
      return row && { agent, tenant, taskId, configId, ...readOwned(row) }
    },
    applied: () => {
      const rows = database.prepare('SELECT origin, records FROM applied').all()
      return new Map(rows.map((row) => [text(row, 'origin'), integer(row, 'records')]))
    },
    isEmpty: () => database.prepare('SELECT 1 FROM scope LIMIT 1').get() === undefined,
  }
}

function readOwned(row: Columns): Pick<OwnedRow, 'owner' | 'groups' | 'createdAtMs'> {
  return {
    owner: { caller: text(row, 'caller'), origin: text(row, 'origin') },
    groups: readGroups(text(row, 'groups')),
    createdAtMs: integer(row, 'created_at_ms'),
  }
}

const noGroups: readonly string[] = Object.freeze([])

function readGroups(json: string): readonly string[] {
  if (json === '[]') return noGroups
  const groups: unknown = JSON.parse(json)
  invariant(
    Array.isArray(groups) && groups.every((group) => typeof group === 'string'),
    'a set of groups is not a list of names',
  )
  return groups
}
