// For tests only: policies as the configuration's schema gives them, calls as the stages before would, and an
// index of owners in memory. Nothing of the product imports this.

import { createSecretKey } from 'node:crypto'
import type { ApprovalBook } from './approval.ts'
import type { AuthorizeSources } from './authorize.ts'
import { configSchema, type ConfigInput } from '../config/config.ts'
import type { JsonObject } from '../base/strict-json.ts'
import type { MessageFacts, Owned, Principal, TaskOwner, Validated } from '../exchange/exchange.ts'
import { compilePolicy, type CompiledPolicy, type PolicyProblem } from './compile-policy.ts'
import { createContextNames } from '../store/context-names.ts'
import type { NamedOwnership } from './ownership.ts'

export type PolicyText = NonNullable<ConfigInput['policy']>

const agentNames = ['calculator', 'concierge', 'vault']

export function compileText(policy: PolicyText): ReturnType<typeof compilePolicy> {
  return compilePolicy(configSchema.parse({ policy }).policy, agentNames)
}

/** The policy, which must be without fault. */
export function policyOf(policy: PolicyText): CompiledPolicy {
  const result = compileText(policy)
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.policy
}

export function problemsOf(policy: PolicyText): PolicyProblem[] {
  const result = compileText(policy)
  return result.ok ? [] : result.problems
}

export interface FakeCall {
  readonly caller?: string
  readonly callerGroups?: readonly string[]
  readonly origin?: string
  readonly originGroups?: readonly string[]
  readonly chain?: readonly Principal[]
  readonly autonomous?: boolean
  readonly agentIdentities?: readonly string[]
  readonly agent?: string
  readonly operation?: Validated['operation']
  readonly taskId?: string
  readonly contextId?: string
  readonly configId?: string
  readonly message?: Partial<MessageFacts>
  readonly metadata?: JsonObject
  readonly inlinePush?: boolean
}

export const textPart: MessageFacts['parts'][number] = { kind: 'text', size: 5, mediaType: '', filename: '', host: '' }

export function fakeCall(call: FakeCall): Validated {
  const caller = call.caller ?? 'key:alice'
  const origin = call.origin ?? caller
  const taskId = call.taskId ?? ''
  const contextId = call.contextId ?? ''
  const operation = call.operation ?? 'SendMessage'
  const carriesMessage = operation === 'SendMessage' || operation === 'SendStreamingMessage'
  const fields = {
    receivedAtMs: 1_800_000_000_000,
    source: '192.0.2.7',
    snapshot: {
      agentsByPrincipal: new Map((call.agentIdentities ?? []).map((id) => [id, {}])),
      config: { approvals: { wait: 3_600_000 } },
    },
    caller: { id: caller, method: 'api-key', groups: call.callerGroups ?? [], display: caller },
    origin: {
      id: origin,
      groups: call.originGroups ?? (origin === caller ? (call.callerGroups ?? []) : []),
      display: origin,
    },
    chain: call.chain ?? [],
    autonomous: call.autonomous ?? false,
    agent: { name: call.agent ?? 'calculator' },
    binding: 'JSONRPC',
    operation,
    version: '1.0',
    tenant: '',
    extensions: [],
    paramsText: () => '{}',
    taskId,
    contextId,
    configId: call.configId ?? '',
    inlinePush: call.inlinePush ?? false,
    metadata: call.metadata,
    message: {
      messageId: carriesMessage ? 'm-1' : '',
      taskId: carriesMessage ? taskId : '',
      contextId: carriesMessage ? contextId : '',
      role: carriesMessage ? 'ROLE_USER' : '',
      parts: carriesMessage ? [textPart] : [],
      referenceTaskIds: [],
      extensions: [],
      metadataKeys: Object.keys(call.metadata ?? {}),
      ...call.message,
    },
  }
  return withoutStages(fields)
}

/** Tests stand where the earlier stages would: only here is a stage's type claimed without its checks. */
function withoutStages(fields: unknown): Validated {
  const claimed: { call: Validated } = { call: fields as never }
  return claimed.call
}

/** Tasks by id: `[caller, origin]`, with the groups of both at the time and the context it is in. */
export interface FakeOwners {
  readonly tasks?: Readonly<
    Record<string, readonly [caller: string, origin: string, groups?: readonly string[], contextId?: string]>
  >
  /** by the agent's ids, with their owners' names for them */
  readonly contexts?: Readonly<
    Record<string, readonly [caller: string, origin: string, groups?: readonly string[], name?: string]>
  >
  readonly configs?: Readonly<Record<string, readonly [caller: string, origin: string, groups?: readonly string[]]>>
}

export function fakeOwnership(owners: FakeOwners = {}): NamedOwnership {
  const context: NamedOwnership['context'] = (_agent, _tenant, id) => {
    const row = owned(find(owners.contexts, id))
    return row && { ...row, name: find(owners.contexts, id)?.[3] ?? id }
  }
  return {
    ...createContextNames(Buffer.alloc(32), context),
    task: (_agent, _tenant, id) => {
      const row = find(owners.tasks, id)
      return row === undefined
        ? undefined
        : { owner: ownerOf(row[0], row[1]), groups: row[2] ?? [], contextId: row[3] ?? '' }
    },
    context,
    pushConfig: (_agent, _tenant, taskId, id) => owned(find(owners.configs, `${taskId}/${id}`)),
  }
}

function find<T>(table: Readonly<Record<string, T>> | undefined, id: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, id) ? table[id] : undefined
}

function owned(row: readonly [string, string, (readonly string[])?, string?] | undefined): Owned | undefined {
  return row === undefined ? undefined : { owner: ownerOf(row[0], row[1]), groups: row[2] ?? [] }
}

function ownerOf(caller: string, origin: string): TaskOwner {
  return { caller, origin }
}

/** What authorize asks, with approvals that nobody has ever been asked for. */
export function fakeSources(
  owners: FakeOwners = {},
  book: ApprovalBook = emptyBook,
  findLapse: AuthorizeSources['approvals']['findLapse'] = () => undefined,
): AuthorizeSources {
  return {
    ownership: fakeOwnership(owners),
    approvals: { book, key: createSecretKey(Buffer.alloc(32, 7)), findLapse },
  }
}

const emptyBook: ApprovalBook = {
  find: () => undefined,
  request: () => undefined,
  take: () => false,
  giveBack: () => undefined,
}
