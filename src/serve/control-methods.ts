// What an operator may change, once: the same code serves the control socket of a running gateway and a command that
// found none running. Giving power is recorded before it takes effect; taking it away takes effect first.

import type { CreatedKey as Created, KeyGrant, KeyRecord, KeyUse } from '../authenticate/authenticate.ts'
import { Fault } from '../base/fault.ts'
import type { JsonObject, JsonValue } from '../base/strict-json.ts'
import type {
  ApprovalMethods,
  AdminMethods,
  AssertionMethods,
  BlockMethods,
  ControlMethods,
  CreatedKey,
  KeyRequest,
  KeySummary,
  ReloadAnswer,
  RetentionMethods,
  SecretMethods,
  TokenMethods,
} from '../cli/ports.ts'
import type { State } from './state.ts'

export function createControlMethods(
  state: Pick<State, 'keys' | 'keyUse' | 'audit' | 'withLog'>,
  nowMs: () => number,
  reload: () => Promise<ReloadAnswer>,
  /** the administrator who asks; '' where nobody has a name */
  by: () => string = () => '',
): Omit<
  ControlMethods,
  keyof (AdminMethods &
    ApprovalMethods &
    AssertionMethods &
    BlockMethods &
    RetentionMethods &
    SecretMethods &
    TokenMethods)
> {
  const { keys, audit } = state
  const summaryOf = (record: KeyRecord): KeySummary => summarize(record, state.keyUse.of(record.id))
  /** Two records: the intent before, the key's id after; the first is what must not be missing. */
  const give = async (
    action: string,
    { name, ...bounds }: { name: string } & Partial<KeyRequest>,
    work: () => Created,
  ): Promise<CreatedKey> => {
    await audit.administered(action, `key:${name}`, { name, ...boundsMember(bounds) })
    const created = work()
    await audit.administered(`${action}.done`, `key:${created.record.name}`, { name, id: created.record.id })
    return { key: created.key, summary: summaryOf(created.record) }
  }
  const grantOf = ({ name, expiresInMs, agents, operations, networks }: KeyRequest): KeyGrant => ({
    name,
    madeBy: by(),
    ...(expiresInMs !== null && { expiresAtMs: nowMs() + expiresInMs }),
    ...(agents && { agents }),
    ...(operations && { operations }),
    ...(networks && { networks }),
  })
  return {
    ping: () => Promise.resolve({ pid: process.pid }),
    'key.create': (request) => give('key.create', request, () => keys.create(grantOf(request))),
    async 'key.import'({ key, ...request }) {
      // before anything is recorded: what makes no sense is no administrative act
      keys.checkImport(key, grantOf(request))
      const { summary } = await give('key.import', request, () => ({
        key: '',
        record: keys.importKey(key, grantOf(request)),
      }))
      return summary
    },
    'key.list': () => Promise.resolve(keys.list().map(summaryOf)),
    'key.rotate': ({ name, overlapMs }) => give('key.rotate', { name }, () => keys.rotate(name, overlapMs, by())),
    async 'key.revoke'({ name }) {
      const revoked = keys.revoke(name)
      for (const record of revoked) {
        await audit
          .administered('key.revoke', `key:${record.name}`, { name: record.name, id: record.id })
          .catch((cause: unknown) => {
            throw new Fault('LEDGER_UNWRITABLE', 'the key is revoked, but this could not be recorded', { cause })
          })
      }
      return revoked.map(summaryOf)
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

/** Only what was asked for. */
function boundsMember({ expiresInMs, agents, operations, networks }: Partial<KeyRequest>): JsonObject {
  return {
    ...(expiresInMs !== undefined && expiresInMs !== null && { expiresInMs }),
    ...(agents && { agents: [...agents] }),
    ...(operations && { operations: [...operations] }),
    ...(networks && { networks: [...networks] }),
  }
}

export function summarize(record: KeyRecord, use: KeyUse): KeySummary {
  const finite = (time: number | undefined): number | null => (time === undefined || time === Infinity ? null : time)
  return {
    id: record.id,
    name: record.name,
    environment: record.environment,
    createdAtMs: record.createdAtMs,
    expiresAtMs: finite(record.expiresAtMs),
    revokedAtMs: finite(record.revokedAtMs),
    previousUntilMs: finite(record.secrets[1]?.notAfterMs),
    agents: record.scope?.agents ?? null,
    operations: record.scope?.operations ?? null,
    networks: record.networks ?? null,
    lastUsedMs: finite(use.lastUsedMs),
    lastNetwork: use.lastUsedMs === undefined ? null : use.network,
    wrongSecrets: use.wrongSecrets,
    wrongSinceMs: finite(use.wrongSinceMs),
    wrongNetworks: use.wrongNetworks,
  }
}
