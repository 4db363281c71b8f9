// The least policy that recorded calls needed: for each caller and origin the operations it used, on whose tasks, and
// on its own account where it did. It takes over the condition of the rule that allows a call today, and the denies
// that deny none of them: what it gives lies within the present policy wherever that still allows what was allowed.

import { type Operation, operationNames } from '../a2a/operations.ts'
import type { PolicyConfig } from '../config/config.ts'
import { compilePolicy, type CompiledPolicy } from './compile-policy.ts'
import { compileCondition, type Condition, isMet } from './condition.ts'
import { Frame, NotRecorded } from './condition-value.ts'
import { findApplyingDeny, foreignThings, isShared } from './decide.ts'
import { ownerOf } from './matrix.ts'
import { entriesByGroup, forOperation, type Rule } from './policy-index.ts'
import type { NamedThing, PolicyInput } from './policy-input.ts'

export interface Suggestion {
  /** Takes an allowed call into account; or says why it cannot. */
  add(input: PolicyInput): string | undefined
  finish(): { readonly policy: PolicyConfig; readonly callers: number; readonly notes: readonly string[] }
}

const maxNeeds = 100_000 // bound: rights that a suggested policy is made of

/** One right; an agent, an operation, whose tasks, and when. */
interface Need {
  readonly agent: string
  readonly operation: Operation
  readonly owner: string
  readonly when: string | undefined
  /** a person's approval of each call */
  readonly requireApproval: boolean
}
/** Of one caller, by what makes them different; those on its own account apart. */
interface Needs {
  readonly behalf: Map<string, Need>
  readonly own: Map<string, Need>
}

/** As the configuration's schema has it: what a binding can name. */
const nameable = /^(key|user|agent|serviceaccount):[^\s*]+$|^spiffe:\/\/[^\s*]+$/

/**
 * `present` is the policy in force, and without fault. With `mindGroups` what somebody may do as a member of a group
 * is suggested for as long as he is one: for when people came or left within the range.
 */
export function createSuggestion(
  present: PolicyConfig,
  agents: readonly string[],
  mindGroups: boolean = false,
): Suggestion {
  const compile = (policy: PolicyConfig): CompiledPolicy => {
    const compiled = compilePolicy(policy, agents)
    if (!compiled.ok) throw new Error(compiled.problems[0]?.message ?? 'the policy is invalid')
    return compiled.policy
  }
  let kept = present
  let policy = compile(kept)
  const known = new Set(agents)
  const needs = new Map<string, Needs>()
  const notes: string[] = []
  let count = 0
  let beyond = 0

  /** True when every deny that is kept lets the call pass. */
  const dropDenies = (input: PolicyInput): boolean => {
    for (;;) {
      const deny = findApplyingDeny(policy, input)
      if (deny === undefined) return true
      if (deny.notRecorded) return false
      notes.push(`the deny ${deny.name} is left out: it denies calls that were allowed`)
      kept = { ...kept, denies: kept.denies.filter(({ name }) => name !== deny.name) }
      policy = compile(kept)
    }
  }
  const note = (who: string, found: readonly Found[]): void => {
    const both = needs.get(who) ?? { behalf: new Map<string, Need>(), own: new Map<string, Need>() }
    needs.set(who, both)
    for (const { need, onOwnAccount } of found) {
      const account = onOwnAccount ? both.own : both.behalf
      const key = JSON.stringify([need.agent, need.operation, need.owner, need.when, need.requireApproval])
      if (!account.has(key)) count += 1
      account.set(key, need)
    }
  }

  const needsOf = (
    operation: Operation,
    who: Who,
    onOwnAccount: boolean,
    input: PolicyInput,
  ): readonly Found[] | string => {
    const { held, asking, isUnknown } = findRules(policy, input, operation, who, onOwnAccount)
    if (isUnknown && (held.length === 0 || asking === undefined)) return 'a rule reads metadata that was not recorded'
    const needOf = (from: HeldRule | undefined, owner: string): Need => ({
      agent: input.agent.name,
      operation,
      owner,
      when: conditionOf(from, mindGroups ? who.id : undefined),
      requireApproval: from?.rule.needsApproval ?? false,
    })
    const things = foreignThings(input)
    const found: Found[] = things.length === 0 ? [{ need: needOf(held[0], 'self'), onOwnAccount }] : []
    for (const thing of things) {
      const from = held.find(({ rule }) => isShared(rule, thing, who, input))
      const owner = narrowest(from?.rule, thing, who, input)
      if (owner === undefined) return 'no rule can share what it named'
      found.push({ need: needOf(from, owner), onOwnAccount })
    }
    // what asks for approval asks whichever rule allows, also where its binding is not for one's own account
    for (const from of asking ?? []) found.push({ need: needOf(from, 'self'), onOwnAccount: from.rule.autonomous })
    const isSound = found.every(({ need: { when } }) => when === undefined || compileCondition(when).ok)
    return isSound ? found : 'its condition would be too large'
  }

  return {
    add(input) {
      const { caller, origin, agent, autonomous } = input
      if (!known.has(agent.name)) return 'its agent is not configured any more'
      const people = caller.id === origin.id ? [caller] : [caller, origin]
      if (people.some(({ id }) => !nameable.test(id))) return 'a policy cannot name its caller or origin'
      if (count >= maxNeeds) {
        beyond += 1
        return 'there are too many different calls for one policy'
      }
      if (!dropDenies(input)) return 'a deny reads metadata that was not recorded'
      const isOwn = caller.id === origin.id
      const onOwnAccount = autonomous.caller || (isOwn && autonomous.origin)
      const found: (() => void)[] = []
      for (const operation of operationsOf(input)) {
        const byCaller = needsOf(operation, caller, onOwnAccount, input)
        if (typeof byCaller === 'string') return byCaller
        found.push(() => note(caller.id, byCaller))
        if (isOwn) continue
        const byOrigin = needsOf(operation, origin, autonomous.origin, input)
        if (typeof byOrigin === 'string') return byOrigin
        found.push(() => note(origin.id, byOrigin))
      }
      for (const take of found) take()
      return undefined
    },
    finish() {
      if (beyond > 0) notes.push(`${beyond} calls are left out: at most ${maxNeeds} rights are suggested`)
      return { policy: { ...assemble(needs), denies: kept.denies }, callers: needs.size, notes }
    },
  }
}

function operationsOf({ operation, inlinePush }: PolicyInput): readonly Operation[] {
  return inlinePush ? [operation, 'CreateTaskPushNotificationConfig'] : [operation]
}

type Who = PolicyInput['origin']

/** A right that a call needed, and on which account. */
interface Found {
  readonly need: Need
  readonly onOwnAccount: boolean
}

/** A rule that allows, and the group that it is held by, '' for none. */
interface HeldRule {
  readonly rule: Rule
  readonly group: string
}

/** Those whose condition is met, one's own before those of groups. */
function findRules(
  policy: CompiledPolicy,
  input: PolicyInput,
  operation: Operation,
  who: Who,
  onOwnAccount: boolean,
): {
  readonly held: readonly HeldRule[]
  /** those that ask for approval; undefined: that hangs on what was not recorded */
  readonly asking: readonly HeldRule[] | undefined
  readonly isUnknown: boolean
} {
  const frame = new Frame(input, operation, input.task)
  const held: HeldRule[] = []
  let asking: HeldRule[] | undefined = []
  let isUnknown = false
  for (const { entry, group } of entriesByGroup(policy, who.id, who.groups)) {
    for (const rule of forOperation(entry.rules, input.agent.name, operation)) {
      const outcome = isOpen(rule.when, frame)
      if (outcome === 'unknown') isUnknown = true
      if (outcome === 'unknown' && rule.needsApproval) asking = undefined
      else if (rule.needsApproval && outcome !== false) asking?.push({ rule, group })
      if (outcome === true && (rule.autonomous || !onOwnAccount)) held.push({ rule, group })
    }
  }
  return { held, asking, isUnknown }
}

/** The rule's own condition and, where `id` is given, that it still is a member of the group that gave it the rule. */
function conditionOf(from: HeldRule | undefined, id: string | undefined): string | undefined {
  const when = from?.rule.when?.source
  if (from === undefined || id === undefined || from.group === '') return when
  const quoted = JSON.stringify(id)
  const isMember = (of: string): string =>
    from.group === 'group:*' ? `size(${of}.groups) > 0` : `${JSON.stringify(from.group)} in ${of}.groups`
  const member = ['caller', 'origin'].map((of) => `${of}.id == ${quoted} && ${isMember(of)}`).join(' || ')
  // on lines of its own: a condition may end in a comment
  return when === undefined ? member : `(${when}\n) && (${member})`
}

/** Unknown: it reads what was not recorded. */
function isOpen(when: Condition | undefined, frame: Frame): boolean | 'errs' | 'unknown' {
  try {
    return when === undefined || isMet(when, frame)
  } catch (error) {
    return error instanceof NotRecorded ? 'unknown' : 'errs'
  }
}

/** The least sharing, within what the rule gives, that reaches this thing. */
function narrowest(rule: Rule | undefined, thing: NamedThing, who: Who, input: PolicyInput): string | undefined {
  if (thing.owner === null || thing.kind === 'pushConfig') return undefined
  if (rule !== undefined && rule.sharing.kind !== 'any') return ownerOf(rule.sharing)
  if (thing.owner.origin === input.origin.id) return 'origin'
  return thing.groups.filter((group) => group.startsWith('group:') && who.groups.includes(group)).toSorted()[0] ?? 'any'
}

/** Callers with the same rights share a role; whoever has one also on its own account needs it only there. */
function assemble(needs: ReadonlyMap<string, Needs>): Pick<PolicyConfig, 'roles' | 'bindings'> {
  const byRights = new Map<string, { needs: readonly Need[]; callers: string[]; autonomous: boolean }>()
  for (const [who, { behalf, own }] of [...needs].toSorted(([a], [b]) => compare(a, b))) {
    const rest = new Map([...behalf].filter(([key]) => !own.has(key)))
    for (const [account, autonomous] of [
      [rest, false],
      [own, true],
    ] as const) {
      if (account.size === 0) continue
      const sorted = [...account].toSorted(([a], [b]) => compare(a, b))
      const key = JSON.stringify([autonomous, sorted.map(([each]) => each)])
      const group = byRights.get(key) ?? { needs: sorted.map(([, need]) => need), callers: [], autonomous }
      byRights.set(key, group)
      group.callers.push(who)
    }
  }
  const groups = [...byRights.values()]
  return {
    roles: groups.map((group, at) => ({ name: `used-${at + 1}`, rules: rulesOf(group.needs) })),
    bindings: groups.map(({ callers, autonomous }, at) => ({ role: `used-${at + 1}`, callers, autonomous })),
  }
}

type RuleConfig = PolicyConfig['roles'][number]['rules'][number]

/** Operations that differ in nothing else share a rule, then agents that do. No product gives more than was used. */
function rulesOf(needs: readonly Need[]): RuleConfig[] {
  const byAgent = new Map<string, Need & { operations: Operation[] }>()
  for (const need of needs) {
    const key = JSON.stringify([need.agent, need.owner, need.when, need.requireApproval])
    const rule = byAgent.get(key) ?? { ...need, operations: [] }
    byAgent.set(key, rule)
    rule.operations.push(need.operation)
  }
  const rules = new Map<string, RuleConfig>()
  for (const { agent, owner, when, requireApproval, operations } of byAgent.values()) {
    const inOrder = operationNames.filter((name) => operations.includes(name))
    const key = JSON.stringify([inOrder, owner, when, requireApproval])
    const rule: RuleConfig = rules.get(key) ?? {
      agents: [],
      operations: inOrder,
      owner,
      ...(when !== undefined && { when }),
      requireApproval,
    }
    rules.set(key, rule)
    rule.agents.push(agent)
  }
  return [...rules.values()]
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
