// How many unfinished tasks each caller has, on each agent, in memory: a limit asks at every send, and to count rows then
// would not be flat. Read once when the index is opened; from then on every change of a row is told. What nobody has
// said how it is counts as unfinished.

import type { DatabaseSync } from 'node:sqlite'
import { isFinished, unfinishedStates } from '../a2a/shape.ts'
import { integer, text } from './columns.ts'
import type { LeftTask } from './expired-rows.ts'
import { isNobodys, nobody, type TaskRow } from './ownership-rows.ts'

type Owned = Pick<TaskRow, 'agent' | 'owner'>

export class OpenTasks {
  /** by agent and owner */
  readonly #owners: Map<string, { count: number; readonly of: Owned }> = new Map()
  /** by agent and caller, by caller, by agent */
  readonly #sums: Map<string, number> = new Map()

  constructor(database: DatabaseSync) {
    const places = unfinishedStates.map(() => '?').join(', ')
    const rows = database
      .prepare(
        `SELECT s.agent, o.caller, o.origin, sum(c.tasks) AS tasks FROM task_count c
         JOIN owner o ON o.id = c.owner JOIN scope s ON s.id = o.scope
         WHERE c.state IN (${places}) AND c.tasks > 0 AND o.caller <> ? GROUP BY s.agent, o.caller, o.origin`,
      )
      .all(...unfinishedStates, nobody.caller)
    for (const row of rows) {
      const owner = { caller: text(row, 'caller'), origin: text(row, 'origin') }
      this.#add({ agent: text(row, 'agent'), owner }, integer(row, 'tasks'))
    }
  }

  /** Of one caller, on one agent, or of the one on the other. */
  count({ agent = '', caller = '' }: { readonly agent?: string; readonly caller?: string }): number {
    return this.#sums.get(sumKey(agent, caller)) ?? 0
  }

  /** A row is another than it was; undefined where there is none. */
  changed(before: TaskRow | undefined, after: TaskRow | undefined): void {
    if (counts(before)) this.#add(before, -1)
    if (counts(after)) this.#add(after, 1)
  }

  /** A task is kept no longer. */
  left({ agent, owner, state }: LeftTask): void {
    if (!isFinished(state) && owner.caller !== nobody.caller) this.#add({ agent, owner }, -1)
  }

  /** What an erased subject had is nobody's. */
  forget(subject: string): void {
    for (const { of, count } of this.#owners.values())
      if (of.owner.caller === subject || of.owner.origin === subject) this.#add(of, -count)
  }

  #add({ agent, owner }: Owned, change: number): void {
    const { caller, origin } = owner
    const key = `${agent}\n${caller}\n${origin}`
    const known = this.#owners.get(key)
    // a change that comes after its owner was forgotten takes nothing from what is not there
    const by = Math.max(change, -(known?.count ?? 0))
    if (known === undefined) {
      if (by > 0) this.#owners.set(key, { count: by, of: { agent, owner } })
    } else if (known.count + by === 0) this.#owners.delete(key)
    else known.count += by
    for (const sum of [sumKey(agent, caller), sumKey('', caller), sumKey(agent, '')]) {
      const total = (this.#sums.get(sum) ?? 0) + by
      if (total === 0) this.#sums.delete(sum)
      else this.#sums.set(sum, total)
    }
  }
}

/** A line feed is in no agent's name and in no principal's id. */
const sumKey = (agent: string, caller: string): string => `${agent}\n${caller}`

const counts = (row: TaskRow | undefined): row is TaskRow =>
  row !== undefined && !isFinished(row.state) && !isNobodys(row)
