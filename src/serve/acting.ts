// Who asked for the administrative act that is running. Methods of the control socket are asked by whoever may use it;
// the admin API asks them for an administrator, and then everything that they record names him. The name follows the
// work through promises, also where it waits for its turn.

import { AsyncLocalStorage } from 'node:async_hooks'
import type { AuditTrail } from '../audit/audit.ts'

export interface Acting {
  as<T>(who: string, work: () => Promise<T>): Promise<T>
  /** undefined where nobody has a name here */
  readonly who: string | undefined
}

export function createActing(): Acting {
  const storage = new AsyncLocalStorage<string>()
  return {
    as: (who, work) => (who === '' ? work() : storage.run(who, work)),
    get who() {
      return storage.getStore()
    },
  }
}

/** The same trail; an act that says by whom it is keeps its word. */
export function nameActor(audit: AuditTrail, acting: Acting): AuditTrail {
  const named: AuditTrail = {
    ...audit,
    administered: (action, subject, event) =>
      audit.administered(action, subject, acting.who === undefined ? event : { by: acting.who, ...event }),
    get unrecorded() {
      return audit.unrecorded
    },
  }
  return named
}
