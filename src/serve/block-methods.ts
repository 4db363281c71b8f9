// Blocking and unblocking, for the control socket and for a command that found no gateway running. A block is in force
// before it is recorded, and stays in force when it cannot be; an unblock is recorded first, or does not happen.

import type { Block } from '../authorize/authorize.ts'
import { Fault } from '../base/fault.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { BlockMethods, BlockSummary } from '../cli/ports.ts'
import type { State } from './state.ts'

export function createBlockMethods(
  { blocks, audit }: Pick<State, 'blocks' | 'audit'>,
  nowMs: () => number,
): BlockMethods {
  return {
    async 'block.add'({ kind, id, reason, forMs }) {
      const sinceMs = nowMs()
      const block: Block = { kind, id, reason, sinceMs, untilMs: forMs === null ? Infinity : sinceMs + forMs }
      let unwritten: Fault | undefined
      try {
        blocks.add(block)
      } catch (error) {
        if (!(error instanceof Fault) || !blocks.has(kind, id)) throw error
        unwritten = error
      }
      await audit.administered(`block.${kind}`, subjectOf(block), describe(block)).catch((cause: unknown) => {
        const how = unwritten === undefined ? 'blocked' : 'blocked until this process ends'
        throw new Fault('LEDGER_UNWRITABLE', `${id} is ${how}, but this could not be recorded`, {
          cause,
          hint: 'mend the ledger, and block again to have it recorded',
        })
      })
      if (unwritten !== undefined) throw unwritten
      return summarizeBlock(block)
    },
    async 'block.remove'({ kind, id, reason }) {
      const block = blocks.list().find((each) => each.kind === kind && each.id === id)
      if (block === undefined)
        throw new Fault('CONTROL_FAILED', `no block is in force for the ${kind} ${JSON.stringify(id)}`, {
          hint: 'a block ends by the id it was made with; see: sallyport block list',
        })
      await audit.administered(`unblock.${kind}`, subjectOf(block), { kind, id, reason })
      blocks.remove(kind, id)
      return summarizeBlock(block)
    },
    'block.list': () => Promise.resolve(blocks.list().map(summarizeBlock)),
  }
}

function subjectOf({ kind, id }: Block): string {
  return kind === 'agent' ? `agent:${id}` : id
}

function describe({ kind, id, reason, untilMs }: Block): JsonObject {
  return { kind, id, reason, ...(untilMs !== Infinity && { until: new Date(untilMs).toISOString() }) }
}

function summarizeBlock({ kind, id, reason, sinceMs, untilMs }: Block): BlockSummary {
  return { kind, id, reason, sinceMs, untilMs: untilMs === Infinity ? null : untilMs }
}
