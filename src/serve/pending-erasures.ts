// Erasures that wait for a second approver, in dataDir/erasures.json (mode 0600): few, and not for ever. It names the
// subject in clear until the request is carried out or has expired: one that has goes out of the file whenever that is
// looked at. A file that cannot be read is a fault: an erasure takes two people or does not happen.

import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { z } from 'zod'
import { nodeFiles, replaceFile } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'

export interface PendingErasure {
  readonly id: string
  readonly subject: string
  readonly reason: string
  /** principal of the first approver, and the id of the API key that proved it */
  readonly requestedBy: string
  readonly credential: string
  /** of one who logged in */
  readonly groups?: readonly string[] | undefined
  readonly expiresAtMs: number
}

export interface PendingErasures {
  /** Undefined when too many wait already. Durable when it resolves. */
  add(request: Omit<PendingErasure, 'id' | 'expiresAtMs'>): Promise<PendingErasure | undefined>
  find(id: string): Promise<PendingErasure | undefined>
  /** Durable when it resolves. */
  remove(id: string): Promise<void>
  /** Takes what has expired out of the file, and what a crash left beside it. Durable when it resolves. */
  sweep(): Promise<void>
}

const lifeMs = 7 * 86_400_000 // bound: life of an erasure that waits for approval
const maxPending = 100 // bound: erasures that wait for approval
const maxListBytes = 16_777_216 // bound: bytes in the list of erasures that wait

const schema = z.strictObject({
  erasures: z.array(
    z.strictObject({
      id: z.string(),
      subject: z.string(),
      reason: z.string(),
      requestedBy: z.string(),
      credential: z.string(),
      groups: z.array(z.string()).optional(),
      expiresAtMs: z.number(),
    }),
  ),
})

/** Its methods are called one after the other. */
export function createPendingErasures(
  path: string,
  clock: Clock,
  files: typeof nodeFiles = nodeFiles,
): PendingErasures {
  const write = async (erasures: readonly PendingErasure[]): Promise<void> => {
    await replaceFile(files, path, Buffer.from(`${JSON.stringify({ erasures }, undefined, 2)}\n`))
    await files.syncFolder(dirname(path))
  }
  const read = async (): Promise<readonly PendingErasure[]> => {
    const bytes = await files.readFile(path, maxListBytes)
    const all = bytes === undefined ? [] : parse(bytes)
    if (all !== undefined) {
      const waiting = all.filter(({ expiresAtMs }) => expiresAtMs > clock.nowMs())
      if (waiting.length < all.length) await write(waiting)
      return waiting
    }
    throw new Fault('STORE_UNREACHABLE', `${path} is not a list of erasures that wait`, {
      hint: 'move it away; what waited has to be asked for again',
    })
  }
  return {
    async add(request) {
      const waiting = await read()
      if (waiting.length >= maxPending) return undefined
      const added = { ...request, id: randomBytes(8).toString('hex'), expiresAtMs: clock.nowMs() + lifeMs }
      await write([...waiting, added])
      return added
    },
    find: async (id) => (await read()).find((each) => each.id === id),
    remove: async (id) => await write((await read()).filter((each) => each.id !== id)),
    async sweep() {
      if ((await files.readFile(`${path}.tmp`, maxListBytes)) !== undefined) await files.remove(`${path}.tmp`)
      await read()
    },
  }
}

function parse(bytes: Buffer): readonly PendingErasure[] | undefined {
  try {
    return schema.safeParse(JSON.parse(bytes.toString('utf8'))).data?.erasures
  } catch {
    // not JSON: the caller says so
    return undefined
  }
}
