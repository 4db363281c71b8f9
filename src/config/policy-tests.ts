// Expectations of a policy (`policy test`): YAML as strict as the configuration. Unknown keys are errors, everything
// wrong is told at once with line and column, and each test knows the line that it is written on.

import { z } from 'zod'
import { operationNames, type Operation } from '../a2a/operations.ts'
import { formatPath, showValue, suggest, type ConfigPath, type Problem } from './problem.ts'
import { readYaml, type Place } from './read-yaml.ts'

const principal = z
  .string()
  .regex(/^(key|user|agent|serviceaccount):[^\s*]+$|^spiffe:\/\/[^\s*]+$/, 'expected a principal such as key:ci')
const group = z.string().regex(/^group:[^\s*]+$/, 'expected a group such as group:corp/analysts')
const operation = z.enum(operationNames as [Operation, ...Operation[]])

const part = z.strictObject({
  kind: z.enum(['text', 'raw', 'url', 'data']).default('text'),
  size: z.number().int().nonnegative().default(1),
  mediaType: z.string().default(''),
  filename: z.string().default(''),
  host: z.string().default(''),
})

const message = z.strictObject({
  messageId: z.string().default('m-1'),
  role: z.string().default('ROLE_USER'),
  parts: z.array(part).default([]),
  extensions: z.array(z.string()).default([]),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
})

const test = z.strictObject({
  name: z.string().min(1).optional(),
  caller: principal,
  method: z.enum(['api-key', 'jwt', 'introspection', 'service-account', 'mtls', 'anonymous']).default('api-key'),
  groups: z.array(group).default([]),
  origin: principal.optional(),
  originGroups: z.array(group).default([]),
  chain: z.array(z.strictObject({ id: principal, groups: z.array(group).default([]) })).default([]),
  agent: z.string().min(1),
  operation: operation.optional(),
  operations: z.array(operation).min(1).optional(),
  message: message.prefault({}),
  inlinePush: z.boolean().default(false),
  task: z.enum(['self', 'origin', 'other', 'none']).optional(),
  time: z
    .string()
    .refine((text) => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)), 'expected a time as RFC 3339')
    .optional(),
  source: z.string().min(1).default('127.0.0.1'),
  binding: z.enum(['JSONRPC', 'HTTP+JSON']).default('JSONRPC'),
  version: z.string().default('1.0'),
  expect: z.enum(['allow', 'approval', 'deny', 'not-found']),
  rule: z.string().min(1).optional(),
})

const file = z.strictObject({ tests: z.array(test).min(1, 'expected at least one test') })

/** One expectation, for one or more operations. `line` is where it is written. */
export type PolicyTest = z.output<typeof test> & { readonly line: number }

export type PolicyTests =
  | { readonly ok: true; readonly tests: readonly PolicyTest[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Never throws on what is written in the file. */
export function readPolicyTests(text: string): PolicyTests {
  const yaml = readYaml(text)
  if (!yaml.ok) {
    const hint = 'see docs/policy.md'
    return { ok: false, problems: yaml.problems.map((problem) => ({ ...problem, path: '', received: '', hint })) }
  }
  const parsed = file.safeParse(yaml.value ?? {})
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) =>
      explain(issue, yaml.value, (path, atKey) => yaml.place(path, atKey)),
    )
    return { ok: false, problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column) }
  }
  const tests = parsed.data.tests.map((each, at) => ({ ...each, line: yaml.place(['tests', at]).line }))
  const problems = tests.flatMap((each, at) => {
    const path: ConfigPath = ['tests', at]
    const hint = 'write operation: NAME, or operations: [NAME, …]'
    const isOne = (each.operation === undefined) !== (each.operations === undefined)
    const place = { path: formatPath(path), ...yaml.place(path), received: '', hint }
    return isOne ? [] : [{ ...place, message: 'needs either operation or operations' }]
  })
  return problems.length > 0 ? { ok: false, problems } : { ok: true, tests }
}

type Locate = (path: ConfigPath, atKey?: boolean) => Place

function explain(issue: z.core.$ZodIssue, input: unknown, locate: Locate): Problem[] {
  const path = issue.path.filter((step) => typeof step !== 'symbol')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: formatPath([...path, key]),
      ...locate([...path, key], true),
      received: '',
      message: 'unknown key',
      hint: suggest(key, knownKeys(path)),
    }))
  }
  const value = valueAt(input, path)
  const words = issue.code === 'invalid_value' ? issue.values.map(String) : []
  const message =
    value === undefined ? 'is required' : words.length > 0 ? 'not one of the known words' : lower(issue.message)
  return [
    {
      path: formatPath(path),
      ...locate(path),
      received: showValue(value, false),
      message,
      hint: words.length > 0 ? suggest(typeof value === 'string' ? value : '', words) : 'see docs/policy.md',
    },
  ]
}

function knownKeys(path: ConfigPath): string[] {
  if (path.length === 0) return Object.keys(file.shape)
  const last = path.findLast((step) => typeof step === 'string')
  const shapes: Record<string, object> = {
    tests: test.shape,
    message: message.shape,
    parts: part.shape,
    chain: { id: principal, groups: group },
  }
  return Object.keys(shapes[last ?? ''] ?? {})
}

function valueAt(input: unknown, path: ConfigPath): unknown {
  let value = input
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = Reflect.get(value, step)
  }
  return value
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
