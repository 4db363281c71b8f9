// The table of the admin API. A line says who may, what goes in and what comes out, and which control method does it:
// the one that the command line calls too. Reads change nothing, changes are POSTs.

import { z } from 'zod'
import type { ControlMethod, ControlParams, ControlResult } from '../cli/ports.ts'
import { findReservation } from '../config/config.ts'
import * as answers from './answers.ts'
import { ledgerRoutes } from './ledger-routes.ts'
import { describeApi } from './openapi.ts'
import type { Permission } from './permissions.ts'
import { problem, type Problem } from './problem.ts'
import { change, nothing, pageOf, pageQuery, read, takePage, type Call, type Effect, type Route } from './route.ts'
import { sessionRoutes } from './session-routes.ts'

const name = z.string().min(1).max(512)
const reason = z.string().max(1_024)
const secretName = z.string().regex(/^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/)
const subject = z.string().min(1).max(2_048)
const names = z.array(name).max(64).optional()
const blockRequest = { kind: z.enum(['caller', 'agent']), id: subject, reason }
const keyRequest = {
  name,
  expiresInMs: z.number().int().positive().nullable().default(null),
  agents: names.describe('only these; an empty list leaves nothing'),
  operations: names.describe('only these'),
  networks: names.describe('only from these source networks'),
}

/** A change that is one control method: its parameters are the body, its result the answer. */
function control<M extends ControlMethod, A extends z.ZodType>(route: {
  readonly path: string
  readonly permission: Permission
  readonly effect: Exclude<Effect, 'reads'>
  readonly about: string
  readonly method: M
  readonly input: z.ZodType<ControlParams<M>>
  readonly answer: A
  readonly judge: (result: ControlResult<M>) => z.input<A> | Problem
  /** what the table of permissions cannot say: why this one may not, as things are */
  readonly check?: (call: Call, input: ControlParams<M>) => Promise<Problem | undefined>
}): Route {
  const { method, judge, check, ...rest } = route
  return change({
    ...rest,
    run: async (asked, params) => {
      const { parts } = asked
      const refused = await check?.(asked, params)
      if (refused !== undefined) return refused
      // TypeScript cannot tie a method to its parameters through an index; the schema of this route has made them
      const call = parts.methods[method] as (given: unknown) => Promise<ControlResult<M>>
      return judge(await call.call(parts.methods, params))
    },
  })
}

/** Whoever makes a key can show it: one that could approve, or be an agent or somebody known, takes an admin. */
function refuseReserved({ who, parts }: Call, keyName: string): Problem | undefined {
  if (who.roles.includes('admin')) return undefined
  const why = findReservation(parts.snapshot().config, keyName)
  return why === undefined ? undefined : problem('AUTHZ_DENIED', why, { hint: `${why}: its keys are made by an admin` })
}

/** Some answers say no without being an error of the process. */
function unlessRefused<T extends { readonly kind: string }>(answer: T): Exclude<T, { kind: 'refused' }> | Problem {
  if (!isRefused(answer)) return answer as Exclude<T, { kind: 'refused' }> // just asked
  return problem('ADMIN_CONFLICT', answer.why, { hint: `${answer.why}; ${answer.hint}` })
}

const isRefused = (answer: {
  readonly kind: string
}): answer is { readonly kind: 'refused'; readonly why: string; readonly hint: string } => answer.kind === 'refused'

const same = <T>(result: T): T => result

export const routes: readonly Route[] = [
  ...sessionRoutes,
  read({
    path: '/openapi.json',
    permission: 'session.own',
    about: 'This API as OpenAPI 3.1',
    input: nothing,
    answer: z.record(z.string(), z.unknown()),
    run: () => describeApi(routes),
  }),
  read({
    path: '/status',
    permission: 'status.read',
    about: 'What runs, how its ledger stands, and which agents answer',
    input: nothing,
    answer: answers.statusAnswer,
    run: ({ parts }) => parts.status(),
  }),
  read({
    path: '/agents',
    permission: 'agents.read',
    about: 'The agents of the configuration',
    input: pageQuery,
    answer: pageOf(answers.agentAnswer),
    run: (call, query) => takePage(agentsOf(call), query, (agent) => agent.name),
  }),
  read({
    path: '/policy',
    permission: 'policy.read',
    about: 'The policy in force',
    input: nothing,
    answer: answers.policyAnswer,
    run: ({ parts }) => ({ digest: parts.snapshot().digest, policy: parts.snapshot().config.policy }),
  }),
  control({
    path: '/configuration/reload',
    permission: 'configuration.reload',
    effect: 'gives',
    about: 'Read the configuration file again; with a problem the one before stays in force',
    method: 'policy.reload',
    input: nothing,
    answer: answers.reloadAnswer,
    judge: (result) => ({ ...result, problems: [...result.problems] }),
  }),
  read({
    path: '/keys',
    permission: 'keys.read',
    about: 'API keys, never their secrets',
    input: pageQuery,
    answer: pageOf(answers.keyAnswer),
    run: async ({ parts }, query) => takePage(await parts.methods['key.list']({}), query, (key) => key.id),
  }),
  control({
    path: '/keys',
    permission: 'keys.write',
    effect: 'gives',
    about: 'Make an API key; the answer alone has it',
    method: 'key.create',
    check: (call, { name: keyName }) => Promise.resolve(refuseReserved(call, keyName)),
    input: z.strictObject(keyRequest),
    answer: answers.createdKeyAnswer,
    judge: same,
  }),
  control({
    path: '/keys/import',
    permission: 'keys.write',
    effect: 'gives',
    about: 'Take over an API key that was made elsewhere',
    method: 'key.import',
    check: (call, { name: keyName }) => Promise.resolve(refuseReserved(call, keyName)),
    input: z.strictObject({ ...keyRequest, key: name }),
    answer: answers.keyAnswer,
    judge: same,
  }),
  control({
    path: '/keys/rotate',
    permission: 'keys.write',
    effect: 'gives',
    about: 'Give a key, by name or id, a new secret; the answer alone has it, the old one works on for the overlap',
    method: 'key.rotate',
    async check(call, { name: idOrName }) {
      const keys = await call.parts.methods['key.list']({})
      const named = keys.filter((key) => key.id === idOrName).map((key) => key.name)
      return [idOrName, ...named].map((each) => refuseReserved(call, each)).find((each) => each !== undefined)
    },
    input: z.strictObject({ name, overlapMs: z.number().int().nonnegative() }),
    answer: answers.createdKeyAnswer,
    judge: same,
  }),
  control({
    path: '/keys/revoke',
    permission: 'keys.write',
    effect: 'takes',
    about: 'Revoke at once: by name, by id, or by the leaked key itself',
    method: 'key.revoke',
    input: z.strictObject({ name }),
    answer: z.object({ items: z.array(answers.keyAnswer) }),
    judge: (revoked) => ({ items: [...revoked] }),
  }),
  ...ledgerRoutes,
  control({
    path: '/ledger/rotate-key',
    permission: 'ledger.rotate-key',
    effect: 'gives',
    about: 'Give a log a new signing key; the old one signs beside it for the overlap',
    method: 'ledger.rotate-key',
    input: z.strictObject({
      role: z.enum(['gateway', 'cli']).default('gateway'),
      overlapMs: z.number().int().nonnegative(),
      reason,
    }),
    answer: answers.rotatedKeyAnswer,
    judge: same,
  }),
  read({
    path: '/holds',
    permission: 'holds.read',
    about: 'Legal holds in force',
    input: pageQuery,
    answer: pageOf(answers.holdAnswer),
    run: async ({ parts }, query) => takePage(await parts.methods['audit.holds']({}), query, (hold) => hold.name),
  }),
  control({
    path: '/holds',
    permission: 'holds.write',
    effect: 'gives',
    about: 'Hold a subject, or everything: nothing of it is erased or expires',
    method: 'audit.hold',
    input: z.strictObject({
      name: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/),
      subject: subject.nullable(),
      reason: reason.min(1),
    }),
    answer: z.object({ kind: z.literal('done'), hold: answers.holdAnswer }),
    judge: unlessRefused,
  }),
  control({
    path: '/holds/release',
    permission: 'holds.write',
    effect: 'gives',
    about: 'End a legal hold',
    method: 'audit.release',
    input: z.strictObject({ name, reason: reason.min(1) }),
    answer: z.object({ kind: z.literal('done'), hold: answers.holdAnswer }),
    judge: unlessRefused,
  }),
  change({
    path: '/erasures',
    permission: 'erasures.write',
    effect: 'gives',
    about:
      'Erase a subject, or say what that would be; with approvers configured two of them have to ask, each himself',
    input: z.strictObject({
      subject: subject.nullable().default(null),
      reason: reason.min(1),
      dryRun: z.boolean().default(false),
      approve: name.nullable().default(null).describe('id of an erasure that waits for a second approver'),
    }),
    answer: answers.erasureAnswer,
    run: async ({ parts, who }, request) => unlessRefused(await parts.people.erase(request, who)),
  }),
  read({
    path: '/approvals',
    permission: 'approvals.read',
    about: 'Calls that wait for an approval, or had one a short time ago',
    input: pageQuery,
    answer: pageOf(answers.approvalAnswer),
    run: async ({ parts }, query) => takePage(await parts.methods['approval.list']({}), query, (each) => each.id),
  }),
  ...(['grant', 'deny'] as const).map((word) =>
    change({
      path: `/approvals/${word}`,
      permission: 'approvals.decide',
      effect: word === 'grant' ? 'gives' : 'takes',
      about: `${word === 'grant' ? 'Let' : 'Refuse'} a call that waits; the administrator must be named in approvals.approvers`,
      input: z.strictObject({ id: name, reason }),
      answer: z.object({ kind: z.literal('done'), approval: answers.approvalAnswer }),
      run: async ({ parts, who }, { id, reason: why }) =>
        unlessRefused(
          await parts.people.decide({ id, verdict: word === 'grant' ? 'granted' : 'denied', reason: why }, who),
        ),
    }),
  ),
  read({
    path: '/blocks',
    permission: 'blocks.read',
    about: 'Callers and agents that are blocked, whatever policy says',
    input: pageQuery,
    answer: pageOf(answers.blockAnswer),
    run: async ({ parts }, query) =>
      takePage(await parts.methods['block.list']({}), query, (block) => `${block.kind} ${block.id}`),
  }),
  control({
    path: '/blocks',
    permission: 'blocks.write',
    effect: 'takes',
    about: 'Block a caller (a principal or a group) or an agent at once, open streams included',
    method: 'block.add',
    input: z.strictObject({ ...blockRequest, forMs: z.number().int().positive().nullable().default(null) }),
    answer: answers.blockAnswer,
    judge: same,
  }),
  control({
    path: '/blocks/remove',
    permission: 'blocks.write',
    effect: 'gives',
    about: 'Unblock: by the very id that was blocked',
    method: 'block.remove',
    input: z.strictObject(blockRequest),
    answer: answers.blockAnswer,
    judge: same,
  }),
  read({
    path: '/tokens/revocations',
    permission: 'tokens.read',
    about: 'Revoked tokens, and subjects whose tokens are, while any of them could still be shown',
    input: pageQuery,
    answer: pageOf(answers.revocationAnswer),
    run: async ({ parts }, query) =>
      takePage(
        await parts.methods['token.revocations']({}),
        query,
        (each) => `${each.kind} ${each.issuer ?? ''} ${each.id}`,
      ),
  }),
  control({
    path: '/tokens/revoke',
    permission: 'tokens.revoke',
    effect: 'takes',
    about: 'Revoke one token by its jti, or all that a subject was issued before a time, open streams included',
    method: 'token.revoke',
    input: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('token'), issuer: name, jti: name }),
      z.strictObject({
        kind: z.literal('subject'),
        subject,
        beforeMs: z.number().int().nonnegative().nullable().default(null),
      }),
    ]),
    answer: answers.revocationAnswer,
    judge: same,
  }),
  control({
    path: '/assertions/rotate-key',
    permission: 'assertion.rotate-key',
    effect: 'gives',
    about: 'Give assertions a new signing key; both are in the key set until nothing signed by the old one counts',
    method: 'assertion.rotate-key',
    input: z.strictObject({ now: z.boolean().default(false), reason }),
    answer: answers.rotatedAssertionKeyAnswer,
    judge: same,
  }),
  control({
    path: '/retention/prune',
    permission: 'retention.run',
    effect: 'gives',
    about: 'Remove what has expired by audit.retention, or say what that would be',
    method: 'audit.prune',
    input: z.strictObject({ dryRun: z.boolean() }),
    answer: answers.pruneAnswer,
    judge: (result) => ({ ...result, logs: [...result.logs] }),
  }),
  read({
    path: '/secrets',
    permission: 'secrets.read',
    about: 'Names of stored secrets, never their values',
    input: pageQuery,
    answer: pageOf(answers.secretAnswer),
    run: async ({ parts }, query) => takePage(await parts.methods['secret.list']({}), query, (secret) => secret.name),
  }),
  control({
    path: '/secrets',
    permission: 'secrets.write',
    effect: 'gives',
    about: 'Store a secret, or another value of one',
    method: 'secret.set',
    input: z.strictObject({ name: secretName, value: z.base64().min(1) }),
    answer: answers.secretChangeAnswer,
    judge: same,
  }),
  control({
    path: '/secrets/remove',
    permission: 'secrets.write',
    effect: 'takes',
    about: 'Remove a stored secret',
    method: 'secret.remove',
    input: z.strictObject({ name: secretName }),
    answer: answers.secretChangeAnswer,
    judge: same,
  }),
  change({
    path: '/secrets/rotate',
    permission: 'secrets.write',
    effect: 'gives',
    about: 'Seal what is stored under a new data key; asked again until it is finished',
    // another key-encryption key is named on the machine: a path of its disk is nobody's to choose from afar
    input: z.strictObject({ goOn: z.boolean().default(false) }),
    answer: answers.secretRotationAnswer,
    run: async ({ parts }, { goOn }) => await parts.methods['secrets.rotate']({ kek: null, goOn }),
  }),
  read({
    path: '/sessions',
    permission: 'sessions.read',
    about: 'Who is logged in',
    input: pageQuery,
    answer: pageOf(answers.sessionSummary),
    run: async ({ parts }, query) =>
      takePage(await parts.methods['admin.sessions']({}), query, (session) => session.id),
  }),
  control({
    path: '/sessions/end',
    permission: 'sessions.end',
    effect: 'takes',
    about: 'End the session of this id at once',
    method: 'admin.logout',
    input: z.strictObject({ id: z.string().regex(/^[0-9a-f]{18}$/) }),
    answer: answers.done,
    judge: ({ ended }) => ({ done: ended }),
  }),
  read({
    path: '/administrators',
    permission: 'administrators.read',
    about: 'Which roles the configuration gives to whom',
    input: nothing,
    answer: answers.administratorsAnswer,
    run: ({ parts }) => {
      const { administrators, tokens, oidc } = parts.snapshot().config.admin
      return {
        administrators: administrators.map(({ role, who }) => ({ role, who: [...who] })),
        tokens: tokens.map((token) => ({ name: token.name, role: token.role })),
        login: oidc === undefined ? null : { name: oidc.name, issuer: oidc.issuer },
      }
    },
  }),
]

type AgentAnswer = z.input<typeof answers.agentAnswer>

function agentsOf({ parts }: Call): AgentAnswer[] {
  const { config, publicUrl } = parts.snapshot()
  const health = new Map(parts.status().agents.map((each) => [each.name, each]))
  return config.agents.map(({ name, url, discovery, hosts, principals }) => ({
    name,
    url,
    publicUrl: `${publicUrl}/agents/${name}`,
    discovery,
    hosts: [...hosts],
    principals: [...principals],
    isUp: health.get(name)?.isUp ?? null,
    circuitOpen: health.get(name)?.circuitOpen ?? null,
  }))
}
