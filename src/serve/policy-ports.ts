// What the commands about policy call: each compiles the policy as the gateway does when it starts, and asks it.

import { buildMatrix, explain, metadataText, principalsOf } from '../authorize/authorize.ts'
import { isOperation } from '../a2a/operations.ts'
import { Fault } from '../base/fault.ts'
import type { PolicyExplanation, PolicyPorts, PolicyQuery, PolicyTestOutcome } from '../cli/ports.ts'
import { buildSnapshot, type Config, type PolicyTest, type Snapshot } from '../config/config.ts'
import { compileFor, replayPolicy } from './replay-policy.ts'
import { suggestPolicy } from './suggest-policy.ts'

export function createPolicyPorts(): PolicyPorts {
  return {
    explainPolicy,
    policyMatrix(config, asked) {
      const policy = compileFor(config)
      const { known, agentsByPrincipal } = principalsIn(config)
      const who = asked.map(({ id, groups }) => ({ id: known(id), groups }))
      const named = [...new Set(principalsOf(policy).map(known))].map((id) => ({ id, groups: [] }))
      const agents = config.agents.map(({ name }) => name)
      return buildMatrix(policy, [...who, ...named], agents, agentsByPrincipal)
    },
    testPolicy(config, tests) {
      const policy = compileFor(config)
      const { known, agentsByPrincipal } = principalsIn(config)
      return tests.flatMap((test) =>
        (test.operations ?? [test.operation]).map((operation): PolicyTestOutcome => {
          if (operation === undefined) throw new Fault('CONFIG_INVALID', 'a test has no operation')
          const { allowed, code, allowedBy, approvals, because, steps } = explain(
            policy,
            { ...queryOf(test, known), operation },
            agentsByPrincipal,
          )
          const denies = steps.filter((step) => step.kind === 'deny' && step.outcome !== 'does not apply')
          const rules = allowed ? [...new Set([...allowedBy, ...approvals])] : denies.map((step) => step.name)
          const isHidden = code === 'ROUTE_AGENT_UNKNOWN' || code === 'AUTHZ_TASK_NOT_FOUND'
          const asks = approvals.length > 0 ? 'approval' : 'allow'
          const got = allowed ? asks : isHidden ? 'not-found' : 'deny'
          const passed = got === test.expect && (test.rule === undefined || rules.includes(test.rule))
          return { test, operation, passed, got, rules, reason: because }
        }),
      )
    },
    replayPolicy,
    suggestPolicy,
  }
}

type Query = Parameters<typeof explain>[1]

/** The configuration's agents, and the principal that an id means: its alias's, or itself. */
function principalsIn(config: Config): {
  known: (id: string) => string
  agentsByPrincipal: Snapshot['agentsByPrincipal']
} {
  const { aliases, agentsByPrincipal } = buildSnapshot(config)
  return { known: (id) => aliases.get(id) ?? id, agentsByPrincipal }
}

function queryOf(test: PolicyTest, known: (id: string) => string): Omit<Query, 'operation'> {
  const { metadata, ...message } = test.message
  return {
    caller: { id: known(test.caller), groups: test.groups, method: test.method },
    ...(test.origin !== undefined && { origin: { id: known(test.origin), groups: test.originGroups } }),
    chain: test.chain,
    agent: test.agent,
    message: {
      ...message,
      metadataKeys: Object.keys(metadata),
      metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, metadataText(value)])),
    },
    request: {
      source: test.source,
      binding: test.binding,
      version: test.version,
      ...(test.time !== undefined && { timeMs: Date.parse(test.time) }),
    },
    inlinePush: test.inlinePush,
    ...(test.task !== undefined && { task: test.task }),
  }
}

function explainPolicy(config: Config, query: PolicyQuery): PolicyExplanation {
  const policy = compileFor(config)
  if (!isOperation(query.operation)) throw new Fault('CONFIG_INVALID', `there is no operation ${query.operation}`)
  const { known, agentsByPrincipal } = principalsIn(config)
  const asked = {
    caller: { id: known(query.caller), groups: query.groups },
    ...(query.origin !== undefined && { origin: { id: known(query.origin), groups: query.originGroups } }),
    agent: query.agent,
    operation: query.operation,
  }
  const explanation = explain(policy, asked, agentsByPrincipal)
  const outcomes = { applies: 'matched', 'does not apply': 'not-matched', errs: 'error' } as const
  return {
    allowed: explanation.allowed,
    reason: explanation.because,
    steps: explanation.steps.map((step) => ({
      rule: step.name,
      effect: step.kind === 'deny' ? 'deny' : 'allow',
      outcome: outcomes[step.outcome],
      detail: step.subject === '' ? step.because : `${step.subject}: ${step.because}`,
    })),
  }
}
