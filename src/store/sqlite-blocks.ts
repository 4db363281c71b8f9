// Blocks in state.db. All lie in memory; adding one takes effect there first, whatever the disk does, and removing one
// takes effect when the disk has it.

import { Fault } from '../base/fault.ts'
import type { Clock } from '../base/clock.ts'
import type { Block, BlockBook } from '../authorize/authorize.ts'
import { integer, optionalInteger, text, type Columns } from './columns.ts'
import { inTransaction } from './open-database.ts'
import { openStateDatabase } from './state-database.ts'

export interface SqliteBlocks extends BlockBook {
  close(): void
}

const maxBlocks = 10_000 // bound: blocks in force

export function openBlocks(path: string, clock: Clock): SqliteBlocks {
  const database = openStateDatabase(path)
  const blocks = new Map<string, Block>()
  for (const row of database.prepare('SELECT * FROM block').iterate()) {
    const block = readBlock(row)
    blocks.set(keyOf(block.kind, block.id), block)
  }
  const write = database.prepare(`
    INSERT INTO block (kind, id, reason, since_ms, until_ms) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (kind, id) DO UPDATE SET reason = excluded.reason, since_ms = excluded.since_ms, until_ms = excluded.until_ms`)
  const drop = database.prepare('DELETE FROM block WHERE kind = ? AND id = ?')
  const listeners = new Set<() => void>()
  let version = 0
  const changed = (): void => {
    version += 1
    for (const listener of listeners) listener()
  }
  const isInForce = ({ untilMs }: Block): boolean => untilMs > clock.nowMs()
  const onDisk = (work: () => void, what: string): void => {
    try {
      inTransaction(database, work)
    } catch (cause) {
      throw new Fault('STORE_UNREACHABLE', what, { cause, hint: 'check that the disk has room, and try again' })
    }
  }

  return {
    get version() {
      return version
    },
    get size() {
      return blocks.size
    },
    has: (kind, id) => {
      const block = blocks.get(keyOf(kind, id))
      return block !== undefined && isInForce(block)
    },
    onChange: (callback) => {
      listeners.add(callback)
      return () => void listeners.delete(callback)
    },
    list: () => [...blocks.values()].filter(isInForce),
    add: (block) => {
      const over = [...blocks.values()].filter((each) => !isInForce(each))
      const key = keyOf(block.kind, block.id)
      if (!blocks.has(key) && blocks.size - over.length >= maxBlocks)
        throw new Fault('CONTROL_FAILED', `${maxBlocks} blocks are in force already`, { hint: 'block a group instead' })
      for (const each of over) blocks.delete(keyOf(each.kind, each.id))
      blocks.set(key, block)
      changed()
      onDisk(() => {
        for (const each of over) drop.run(each.kind, each.id)
        write.run(block.kind, block.id, block.reason, block.sinceMs, block.untilMs === Infinity ? null : block.untilMs)
      }, `blocked until this process ends: ${path} cannot be written`)
    },
    remove: (kind, id) => {
      onDisk(() => void drop.run(kind, id), `still blocked: ${path} cannot be written`)
      blocks.delete(keyOf(kind, id))
      changed()
    },
    close: () => database.close(),
  }
}

/** A line feed is in no principal id and in no agent name. */
function keyOf(kind: Block['kind'], id: string): string {
  return `${kind}\n${id}`
}

function readBlock(row: Columns): Block {
  return {
    kind: text(row, 'kind') === 'agent' ? 'agent' : 'caller',
    id: text(row, 'id'),
    reason: text(row, 'reason'),
    sinceMs: integer(row, 'since_ms'),
    untilMs: optionalInteger(row, 'until_ms') ?? Infinity,
  }
}
