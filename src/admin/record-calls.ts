// That every call of the admin API is in the ledger: who, with which role, by which permission, what, and how it
// ended. A change is there before it is carried out, a read before its answer leaves. Calls of nobody we know share
// the budget of unknown callers: beyond it they are counted, not written one by one.

import type { AuditTrail, CallFacts } from '../audit/audit.ts'
import type { Clock } from '../base/clock.ts'
import { createCallId } from '../base/ids.ts'
import { refuse } from '../refusal/refusal.ts'
import type { Administrator } from './administrator.ts'
import type { Problem } from './problem.ts'
import type { Route } from './route.ts'

export interface RecordedCall {
  readonly who: Administrator
  /** undefined where there is none */
  readonly route: Route | undefined
  readonly method: string
  readonly source: string
}

export interface CallRecorder {
  /** a change that is about to be carried out */
  begun(call: RecordedCall): Promise<void>
  /** `status` is what is about to be answered */
  ended(call: RecordedCall, status: number): Promise<void>
  refused(call: RecordedCall, refused: Problem): Promise<void>
  /** of somebody we do not know */
  refusedUnknown(source: string, path: string, refused: Problem): Promise<void>
}

export function createCallRecorder(options: {
  readonly audit: Pick<AuditTrail, 'administered' | 'refusedUnknown'>
  readonly clock: Clock
  readonly snapshotDigest: () => string
}): CallRecorder {
  const { audit, clock, snapshotDigest } = options
  const write = async (
    action: string,
    call: RecordedCall,
    more: Readonly<Record<string, string | number>>,
  ): Promise<void> => {
    const { who, route, method, source } = call
    await audit.administered(action, who.id, {
      by: who.id,
      caller: who.id,
      roles: [...who.roles],
      via: who.via,
      ...(who.session && { session: who.session.id }),
      permission: route?.permission ?? '',
      method,
      path: route?.path ?? '',
      source,
      ...more,
    })
  }
  return {
    begun: (call) => write('admin.call', call, {}),
    ended: (call, status) => write(call.route?.effect === 'gives' ? 'admin.call.done' : 'admin.call', call, { status }),
    refused: (call, { code, status, detail }) => write('admin.call.refused', call, { code, status, detail }),
    async refusedUnknown(source, path, { code, detail }) {
      const facts: CallFacts = {
        call: createCallId(),
        receivedAtMs: clock.nowMs(),
        snapshotDigest: snapshotDigest(),
        source,
        caller: '',
        origin: '',
        chain: [],
        authentication: '',
        credential: '',
        agent: '',
        operation: 'admin.call',
        binding: '',
        version: '',
        tenant: '',
        task: '',
        context: '',
        requestBytes: 0,
        requestHash: '',
        trace: '',
      }
      const known = code.startsWith('ADMIN_') ? 'AUTHN_INVALID' : code
      await audit.refusedUnknown(facts, refuse(known as 'AUTHN_INVALID', path === '' ? detail : `${path}: ${detail}`))
    },
  }
}
