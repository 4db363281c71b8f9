// The shapes that the admin API answers, as schemas: an answer is read through them, so that nothing leaves that they
// do not name.

import { z } from 'zod'
import { adminRoles } from '../config/config.ts'
import type { Status } from './contract.ts'

const text = z.string()
const time = z.number().describe('milliseconds since 1970')
const timeOrNever = z.number().nullable().describe('milliseconds since 1970; null for never')
const role = z.enum(adminRoles)
const narrowing = z.array(text).readonly().nullable().describe('what it is narrowed to; null: to nothing')

export const statusAnswer: z.ZodType<Status> = z.object({
  version: text,
  configDigest: text,
  startedAt: text,
  ledger: z.object({ origin: text, size: z.number(), root: text, status: text }),
  openStreams: z.number(),
  connections: z.number(),
  agents: z.array(z.object({ name: text, isUp: z.boolean(), circuitOpen: z.boolean() })),
})

export const checkpointAnswer = z.object({ origin: text, size: z.number(), root: text, status: text })

export const sessionAnswer = z.object({
  principal: text,
  display: text,
  roles: z.array(role),
  permissions: z.array(text),
  via: z.enum(['token', 'login', 'bootstrap']),
  session: z
    .object({
      id: text,
      createdAtMs: time,
      endsAtMs: time,
      csrfToken: text.describe('the value of Sallyport-Csrf in every POST of this session'),
    })
    .nullable()
    .describe('null for a bearer token'),
})

export const agentAnswer = z.object({
  name: text,
  url: text,
  publicUrl: text,
  discovery: text,
  hosts: z.array(text),
  principals: z.array(text),
  isUp: z.boolean().nullable().describe('null while nobody has asked it'),
  circuitOpen: z.boolean().nullable(),
})

export const keyAnswer = z.object({
  id: text,
  name: text,
  environment: text,
  createdAtMs: time,
  expiresAtMs: timeOrNever,
  revokedAtMs: timeOrNever,
  previousUntilMs: timeOrNever.describe('until when the secret before the last rotation still works'),
  agents: narrowing,
  operations: narrowing,
  networks: narrowing,
  lastUsedMs: timeOrNever,
  lastNetwork: text.nullable().describe('surroundings of the address that used it last'),
  wrongSecrets: z.number().describe('tries with its id and another secret'),
  wrongSinceMs: timeOrNever,
  wrongNetworks: z.number().describe('tries with its secret from a network that it is not for'),
})
export const createdKeyAnswer = z.object({ key: text.describe('the whole key, shown once'), summary: keyAnswer })

export const recordAnswer = z.object({
  log: text,
  index: z.number(),
  time: text,
  kind: text,
  call: text,
  caller: text,
  origin: text,
  agent: text,
  operation: text,
  outcome: text,
  code: text,
})

export const proofAnswer = z.object({
  origin: text,
  index: z.number(),
  kind: text,
  leafHash: text,
  size: z.number().describe('of the tree that it is proven to be in'),
  witnessed: z.boolean(),
  proof: text.describe('for `sallyport audit verify-proof`'),
})

export const approvalAnswer = z.object({
  id: text,
  state: z.enum(['pending', 'granted', 'denied', 'used']),
  caller: text,
  origin: text,
  chain: z.array(text).readonly(),
  agent: text,
  operation: text,
  task: text,
  rules: z.array(text).readonly(),
  parts: z.array(z.object({ kind: text, size: z.number() })).readonly(),
  createdAtMs: time,
  expiresAtMs: time,
  decidedBy: text,
})

export const blockAnswer = z.object({
  kind: z.enum(['caller', 'agent']),
  id: text,
  reason: text,
  sinceMs: time,
  untilMs: time.nullable().describe('null: until it is unblocked'),
})

export const revocationAnswer = z.object({
  kind: z.enum(['token', 'subject']),
  issuer: text.nullable().describe('short name; null for a subject, whose id holds it'),
  id: text.describe("the token's jti, or the subject's principal id"),
  beforeMs: time.describe('tokens issued before this'),
  untilMs: time.describe('when every token that it speaks of has expired'),
})

export const rotatedAssertionKeyAnswer = z.object({
  kid: text.describe('of the new key'),
  signsFromMs: time,
  retiring: text,
})

export const secretAnswer = z.object({ name: text, setAtMs: time, usedAt: z.array(text).readonly() })
export const secretChangeAnswer = z.object({
  existed: z.boolean(),
  usedAt: z.array(text).readonly().describe('where the configuration in force names it'),
  needRestart: z.array(text).readonly(),
  notTakenUp: text.optional(),
})
export const secretRotationAnswer = z.object({
  finished: z.boolean(),
  total: z.number(),
  done: z.number(),
  kekId: text,
  isNewKek: z.boolean(),
})

const problemOfFile = z.object({
  path: text,
  line: z.number(),
  column: z.number(),
  received: text,
  message: text,
  hint: text.optional(),
})
export const reloadAnswer = z.object({ digest: text, changed: z.boolean(), problems: z.array(problemOfFile) })

export const holdAnswer = z.object({
  name: text,
  subject: text.nullable().describe('null: everything'),
  reason: text,
  sinceMs: time,
})

const erasedMembers = {
  logs: z
    .array(
      z.object({ origin: text, keys: z.number(), months: z.array(text).readonly(), record: z.number().nullable() }),
    )
    .readonly(),
  ownershipRows: z.number(),
  unreachable: z.array(text).readonly().describe('copies that this cannot reach'),
  missed: z.array(text).readonly().optional(),
}
export const erasureAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pending'), id: text, expiresAtMs: time }),
  z.object({ kind: z.literal('dry-run'), ...erasedMembers }),
  z.object({ kind: z.literal('erased'), ...erasedMembers }),
])

export const pruneAnswer = z.object({
  heldBy: text,
  clockAheadMs: z.number(),
  logs: z.array(
    z.object({
      origin: text,
      bodies: z.number(),
      heldBodies: z.number(),
      records: z.number(),
      minimumIndex: z.number(),
      freedBytes: z.number(),
    }),
  ),
})

export const rotatedKeyAnswer = z.object({ origin: text, vkey: text, retiring: text, retiresAtMs: time })

export const sessionSummary = z.object({
  id: text,
  principal: text,
  display: text,
  via: z.enum(['login', 'bootstrap']),
  roles: z.array(text).describe('what the configuration gives now'),
  createdAtMs: time,
  usedAtMs: time,
  endsAtMs: time,
})

export const administratorsAnswer = z.object({
  administrators: z.array(z.object({ role, who: z.array(text) })),
  tokens: z.array(z.object({ name: text, role })),
  login: z.object({ name: text, issuer: text }).nullable(),
})

export const policyAnswer = z.object({
  digest: text,
  policy: z.unknown().describe('as the configuration has it, docs/policy.md'),
})

export const done = z.object({ done: z.boolean() })
