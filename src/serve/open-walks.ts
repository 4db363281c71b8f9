// Walks that have not reached their end, counted by the snapshot that they began with: what belongs to a snapshot is
// given back when the last of its walks has ended, never under one that is still on its way.

import type { Snapshot } from '../config/config.ts'

export interface OpenWalks {
  /** `snapshot` is undefined for a request that could not be read and uses nothing of one */
  follow(walking: Promise<void>, snapshot?: Snapshot): void
  /** Calls back when no walk of this snapshot is left; for one that no further walk can begin with. */
  whenIdle(snapshot: Snapshot, callback: () => void): void
  /** resolves when no walk at all is left */
  settled(): Promise<void>
}

interface Walks {
  count: number
  readonly ended: () => void
  onIdle: () => void
}

export function createOpenWalks(): OpenWalks {
  let total = 0
  let onSettled = (): void => undefined
  const bySnapshot = new Map<Snapshot | undefined, Walks>()

  const walksOf = (snapshot: Snapshot | undefined): Walks => {
    const found = bySnapshot.get(snapshot)
    if (found !== undefined) return found
    const walks: Walks = {
      count: 0,
      ended() {
        walks.count -= 1
        total -= 1
        if (walks.count === 0) walks.onIdle()
        if (total === 0) onSettled()
      },
      onIdle: () => undefined,
    }
    bySnapshot.set(snapshot, walks)
    return walks
  }

  return {
    follow(walking, snapshot) {
      const walks = walksOf(snapshot)
      walks.count += 1
      total += 1
      walking.then(walks.ended, walks.ended)
    },
    whenIdle(snapshot, callback) {
      const walks = walksOf(snapshot)
      walks.onIdle = () => {
        bySnapshot.delete(snapshot)
        callback()
      }
      if (walks.count === 0) walks.onIdle()
    },
    settled: () =>
      new Promise((resolve) => {
        onSettled = resolve
        if (total === 0) resolve()
      }),
  }
}
