// For tests only: policies and calls at random, of few names, so that they meet. Nothing of the product imports this.

import * as fc from 'fast-check'
import { operationNames, operations } from '../a2a/operations.ts'
import type { FakeCall, FakeOwners, PolicyText } from './fake-call.ts'
import { textPart } from './fake-call.ts'

export const agents: readonly string[] = ['calculator', 'concierge', 'vault']
const callers = ['key:alice', 'key:bob', 'user:corp/1', 'agent:concierge', 'agent:planner'] as const
const groups = ['group:corp/a', 'group:corp/b'] as const

/** Met, not met, erring, absorbing, and those that depend on the message, the chain and the time. */
const conditions = [
  'size(message.parts) < 2',
  'message.parts.exists(p, p.kind == "url")',
  'message.parts[0].size > 3',
  'message.parts[0].size > 3 || true',
  'size(chain) > 0',
  'hops.exists(h, "group:corp/a" in h.groups)',
  'message.metadata["label"] == "public"',
  'caller.id == origin.id',
  'request.source.inNetwork("192.0.2.0/24")',
  'task.known',
  'message.size > 4',
] as const

const some = <T>(items: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...items], { minLength: 1 })
const whens = fc.option(fc.constantFrom(...conditions), { nil: undefined, freq: 1 })
const principals = [...callers, ...groups, 'key:*', 'agent:*', 'group:*'] as const

type Rule = NonNullable<NonNullable<PolicyText['roles']>[number]['rules']>[number]
type Deny = NonNullable<PolicyText['denies']>[number]
type Binding = NonNullable<PolicyText['bindings']>[number]

export const someRule: fc.Arbitrary<Rule> = fc
  .record({
    agents: some(['*', ...agents]),
    operations: fc.oneof(fc.constant<string[]>(['*']), some<string>(operationNames)),
    when: whens,
    owner: fc.constantFrom('self', 'origin', 'any', ...groups),
    requireApproval: fc.oneof({ arbitrary: fc.constant(false), weight: 9 }, fc.constant(true)),
  })
  .map(({ when, ...rule }) => ({ ...rule, ...(when !== undefined && { when }) }))

export const someDeny: fc.Arbitrary<Omit<Deny, 'name'>> = fc
  .record({
    agents: some(['*', ...agents]),
    operations: some<string>(operationNames),
    callers: fc.option(some(principals), { nil: undefined }),
    when: whens,
  })
  .map(({ when, callers: of, ...deny }) => ({
    ...deny,
    ...(when !== undefined && { when }),
    ...(of !== undefined && { callers: of }),
  }))

const roleNames = ['r0', 'r1', 'r2'] as const
const someBinding: fc.Arbitrary<Binding> = fc.record({
  role: fc.constantFrom(...roleNames),
  callers: some(principals),
  autonomous: fc.boolean(),
})

export interface SomePolicy {
  readonly roles: { name: string; rules: Rule[] }[]
  readonly bindings: Binding[]
  readonly denies: Deny[]
}

export const somePolicy: fc.Arbitrary<SomePolicy> = fc.record({
  roles: fc
    .tuple(...roleNames.map(() => fc.array(someRule, { minLength: 1, maxLength: 3 })))
    .map((rules) => rules.map((each, at) => ({ name: `r${at}`, rules: each }))),
  bindings: fc.array(someBinding, { minLength: 1, maxLength: 4 }),
  denies: fc.array(someDeny, { maxLength: 2 }).map((denies) => denies.map((deny, at) => ({ name: `d${at}`, ...deny }))),
})

const principal = fc.record({ id: fc.constantFrom(...callers), groups: fc.subarray([...groups]) })

/** Tasks of these owners: `t-SOMEBODY`. */
export const owners: FakeOwners = {
  tasks: Object.fromEntries(
    callers.flatMap((caller) =>
      callers.map((origin) => [`t-${caller}-${origin}`, [caller, origin, ['group:corp/a']] as const]),
    ),
  ),
  contexts: { 'c-alice': ['key:alice', 'key:alice', ['group:corp/b']] },
}

export const someCall: fc.Arbitrary<FakeCall> = fc
  .record({
    caller: principal,
    origin: fc.option(principal, { nil: undefined }),
    chain: fc.array(principal, { maxLength: 2 }),
    agent: fc.constantFrom(...agents),
    operation: fc.constantFrom(...operationNames),
    parts: fc.array(fc.constantFrom(textPart, { ...textPart, kind: 'url' as const, host: 'x.example' }), {
      maxLength: 2,
    }),
    label: fc.constantFrom(undefined, 'public', 'secret', 7, null),
    task: fc.constantFrom('', 'own', 'own', 't-key:alice-key:alice', 't-key:bob-key:alice', 'gone'),
    contextId: fc.constantFrom('', '', 'c-alice', 'c-new'),
    inlinePush: fc.boolean(),
  })
  .map(({ caller, origin, chain, operation, parts, label, task, inlinePush, contextId, agent }) => {
    const isForOther = origin !== undefined && caller.id.startsWith('agent:') && origin.id !== caller.id
    const { namesTask, carriesMessage } = operations[operation]
    const originId = isForOther ? origin.id : caller.id
    const taskId = task === 'own' || (namesTask && task === '') ? `t-${caller.id}-${originId}` : task
    return {
      caller: caller.id,
      callerGroups: caller.groups,
      ...(isForOther && { origin: origin.id, originGroups: origin.groups }),
      chain: isForOther ? chain.map((member) => ({ ...member, display: member.id })) : [],
      autonomous: !isForOther && caller.id.startsWith('agent:'),
      agent,
      operation,
      taskId: namesTask || carriesMessage ? taskId : '',
      ...(/^(Get|Delete)TaskPush/.test(operation) && { configId: 'p' }),
      contextId: carriesMessage ? contextId : '',
      inlinePush: carriesMessage && inlinePush,
      ...(carriesMessage && { message: { parts } }),
      ...(carriesMessage && label !== undefined && { metadata: { label } }),
    }
  })
