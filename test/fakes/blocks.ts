// Blocks in memory, for tests that need no disk.

import type { Block, BlockBook } from '../../src/authorize/authorize.ts'

export interface MemoryBlocks extends BlockBook {
  block(kind: Block['kind'], id: string): void
}

export function memoryBlocks(): MemoryBlocks {
  const blocks = new Map<string, Block>()
  const listeners = new Set<() => void>()
  let version = 0
  const changed = (): void => {
    version += 1
    for (const listener of listeners) listener()
  }
  const book: MemoryBlocks = {
    get version() {
      return version
    },
    get size() {
      return blocks.size
    },
    has: (kind, id) => blocks.has(`${kind} ${id}`),
    onChange: (callback) => {
      listeners.add(callback)
      return () => void listeners.delete(callback)
    },
    list: () => [...blocks.values()],
    add: (block) => {
      blocks.set(`${block.kind} ${block.id}`, block)
      changed()
    },
    remove: (kind, id) => {
      blocks.delete(`${kind} ${id}`)
      changed()
    },
    block: (kind, id) => book.add({ kind, id, reason: '', sinceMs: 0, untilMs: Infinity }),
  }
  return book
}
