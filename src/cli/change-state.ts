// Carries out a change: by the running process where one runs, otherwise on the data directory itself, under its lock
// and recorded under an origin of its own.

import type { Input } from './command.ts'
import { callControl } from './control-client.ts'
import type { ControlMethod, ControlMethods, ControlParams, ControlResult, StateContext } from './ports.ts'

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

/** TypeScript cannot tie method, parameters and result together through an index; the contract does. */
function callMethod<M extends ControlMethod>(
  methods: ControlMethods,
  method: M,
  params: ControlParams<M>,
): Promise<ControlResult<M>> {
  const call = methods[method] as (params: ControlParams<M>) => Promise<ControlResult<M>>
  return call.call(methods, params)
}
