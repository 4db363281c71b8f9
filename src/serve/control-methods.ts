// What an operator may change, once: the same code serves the control socket of a running gateway and a command that
// found none running. Giving power is recorded before it takes effect; taking it away takes effect first.

import type { CreatedKey as Created, KeyRecord } from '../authenticate/authenticate.ts'
import { Fault } from '../base/fault.ts'
import type { JsonValue } from '../base/strict-json.ts'
import type { ControlMethods, CreatedKey, KeySummary, ReloadAnswer, RetentionMethods } from '../cli/ports.ts'
import type { State } from './state.ts'

export function createControlMethods(
  state: Pick<State, 'keys' | 'audit' | 'withLog'>,
  nowMs: () => number,
  reload: () => Promise<ReloadAnswer>,
): Omit<ControlMethods, keyof RetentionMethods> {
  const { keys, audit } = state
  /** Two records: the intent before, the key's id after; the first is what must not be missing. */
  const give = async (action: string, name: string, work: () => Created): Promise<CreatedKey> => {
    await audit.administered(action, `key:${name}`, { name })
    const created = work()
    await audit.administered(`${action}.done`, `key:${created.record.name}`, { name, id: created.record.id })
    return { key: created.key, summary: summarize(created.record) }
  }
  return {
    ping: () => Promise.resolve({ pid: process.pid }),
    'key.create': ({ name, expiresInMs }) =>
      give('key.create', name, () =>
        keys.create({ name, ...(expiresInMs !== null && { expiresAtMs: nowMs() + expiresInMs }) }),
      ),
    'key.list': () => Promise.resolve(keys.list().map(summarize)),
    'key.rotate': ({ name, overlapMs }) => give('key.rotate', name, () => keys.rotate(name, overlapMs)),
    async 'key.revoke'({ name }) {
      const revoked = keys.revoke(name)
      for (const record of revoked) {
        await audit
          .administered('key.revoke', `key:${record.name}`, { name: record.name, id: record.id })
          .catch((cause: unknown) => {
            throw new Fault('LEDGER_UNWRITABLE', 'the key is revoked, but this could not be recorded', { cause })
          })
      }
      return revoked.map(summarize)
    },
    'policy.reload': reload,
    async 'audit.taken'({ action, what }) {
      const event = Object.entries(what).map(([name, value]): [string, JsonValue] => [
        name,
        typeof value === 'object' ? [...value] : value,
      ])
      await audit.administered(action, '', Object.fromEntries(event))
      return { recorded: true }
    },
    async 'ledger.rotate-key'({ role, overlapMs, reason }) {
      return await state.withLog(role, async (ledger) => {
        const { origin } = ledger
        const what = { role, origin, overlapMs, reason }
        await audit.administered('ledger.rotate-key', '', what)
        const rotation = await ledger.rotateKey(overlapMs)
        await audit.administered('ledger.rotate-key.done', '', { ...what, ...rotation })
        return { origin, ...rotation }
      })
    },
  }
}

export function summarize(record: KeyRecord): KeySummary {
  const finite = (time: number | undefined): number | null => (time === undefined || time === Infinity ? null : time)
  return {
    id: record.id,
    name: record.name,
    environment: record.environment,
    createdAtMs: record.createdAtMs,
    expiresAtMs: finite(record.expiresAtMs),
    revokedAtMs: finite(record.revokedAtMs),
    previousUntilMs: finite(record.secrets[1]?.notAfterMs),
  }
}
