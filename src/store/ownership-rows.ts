// The rows of index.db as its readers see them.

import type { TaskOwner } from '../exchange/exchange.ts'

/** What the three kinds of owned things share. */
export interface OwnedRow {
  readonly agent: string
  readonly tenant: string
  readonly owner: TaskOwner
  readonly groups: readonly string[]
  readonly createdAtMs: number
}

/** Owns what an erased subject owned: an id that stays taken, yet is nobody's. No principal begins with `erased:`. */
export const nobody: TaskOwner = Object.freeze({ caller: 'erased:', origin: 'erased:' })

export function isNobodys(row: OwnedRow | undefined): boolean {
  return row?.owner.caller === nobody.caller
}

export interface TaskRow extends OwnedRow {
  readonly taskId: string
  readonly contextId: string
  readonly state: string
  readonly timestampMs: number
}
export interface ContextRow extends OwnedRow {
  readonly contextId: string
  readonly name: string
  /** messages that came when it was known already */
  readonly turns: number
}
export interface PushConfigRow extends OwnedRow {
  readonly taskId: string
  readonly configId: string
}

/** The two ids of a push configuration as one, in which no two pairs are alike. */
export function configIdOf(taskId: string, configId: string): string {
  return `${taskId.length}:${taskId}${configId}`
}
