// `assertion rotate-key`, once: for the running gateway and for a command that found none. Giving power is recorded
// before it takes effect; a key that is given up at once takes it away first, and is recorded after.

import type { AssertionMethods } from '../cli/ports.ts'
import type { AssertionRing } from '../forward/forward.ts'
import type { State } from './state.ts'

export function createAssertionMethods(
  state: Pick<State, 'audit'>,
  ring: () => AssertionRing | Promise<AssertionRing>,
): AssertionMethods {
  return {
    async 'assertion.rotate-key'({ now, reason }) {
      const keys = await ring()
      // refused before anything is recorded
      keys.plan(now)
      if (!now) await state.audit.administered('assertion.rotate-key', '', { retiring: keys.kid, now, reason })
      const rotation = await keys.rotate(now)
      await state.audit.administered('assertion.rotate-key.done', '', { ...rotation, now, reason })
      return rotation
    },
  }
}
