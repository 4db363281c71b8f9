// Carries out a change, or asks what it would do: by the running process where one runs, otherwise on the data directory itself, under its lock
// and recorded under an origin of its own.

import type { Input } from './command.ts'
import { callControl } from './control-client.ts'
import type {
  ControlMethod,
  ControlMethods,
  ControlParams,
  ControlResult,
  RetentionReadings,
  StateContext,
} from './ports.ts'

export async function changeState<M extends ControlMethod>(
  input: Input,
  state: StateContext,
  method: M,
  params: ControlParams<M>,
): Promise<ControlResult<M>> {
  const answer = await callControl(state.dataDir, { method, params })
  if (answer !== undefined) return answer.result
  const open = await (await input.ports()).openState(state)
  try {
    return await callMethod(open.methods, method, params)
  } finally {
    await open.close()
  }
}

/** The same for what changes nothing: where no process runs, the data directory is only read. */
export async function askState<M extends keyof RetentionReadings & ControlMethod>(
  input: Input,
  state: StateContext,
  request: { readonly method: M; readonly params: ControlParams<M> },
  read: (readings: RetentionReadings) => Promise<ControlResult<M>>,
): Promise<ControlResult<M>> {
  const answer = await callControl(state.dataDir, request)
  return answer === undefined ? await read((await input.ports()).readRetention(state)) : answer.result
}

/** TypeScript cannot tie method, parameters and result together through an index; the contract does. */
function callMethod<M extends ControlMethod>(
  methods: ControlMethods,
  method: M,
  params: ControlParams<M>,
): Promise<ControlResult<M>> {
  const call = methods[method] as (params: ControlParams<M>) => Promise<ControlResult<M>>
  return call.call(methods, params)
}
