// The bench's two helpers on the second core: the backend and the load generator, and how orders reach them.

import { join } from 'node:path'
import type { BackendOrder, CallFigures, LoadAnswer, LoadOrder, StreamFigures } from './orders.ts'
import { start } from './processes.ts'

type CallOrder = Extract<LoadOrder, { kind: 'closed' | 'open' }>
type StreamOrder = Exclude<LoadOrder, CallOrder>

export interface Backend {
  readonly port: number
  readonly tell: (order: BackendOrder) => void
}

export interface Load {
  readonly run: (order: CallOrder) => Promise<CallFigures>
  readonly stream: (order: StreamOrder) => Promise<StreamFigures>
}

export async function startBackend(): Promise<Backend> {
  const { child, output } = startHere('backend.ts')
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message: { port: number }) => resolve(message.port))
    child.once('exit', () => reject(new Error(`the backend ended: ${output()}`)))
  })
  return { port, tell: (order) => void child.send(order) }
}

export function startLoad(): Load {
  const { child, output } = startHere('load.ts')
  const ask = (order: LoadOrder): Promise<LoadAnswer> =>
    new Promise((resolve, reject) => {
      const end = (): void => reject(new Error(`the load generator ended: ${output()}`))
      child.once('exit', end)
      child.once('message', (answer: LoadAnswer) => {
        child.off('exit', end)
        if (answer.kind === 'wrong') reject(new Error(answer.problem))
        else resolve(answer)
      })
      child.send(order)
    })
  return {
    run: async (order) => {
      const answer = await ask(order)
      if (answer.kind !== 'calls') throw new Error('calls were asked for')
      return answer.figures
    },
    stream: async (order) => {
      const answer = await ask(order)
      if (answer.kind !== 'streams') throw new Error('streams were asked for')
      return answer.figures
    },
  }
}

function startHere(file: string): ReturnType<typeof start> {
  return start([process.execPath, join(import.meta.dirname, file)], { cpu: 1, ipc: true })
}
