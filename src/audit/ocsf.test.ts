import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'node:test'
import { createOcsfValidator, readOcsfSource, type OcsfSource } from '../../test/fakes/ocsf-schema.ts'
import { collect, createSample, sampleKeyEncryptionKey, sampleOrigin } from '../../test/fakes/sample-ledger.ts'
import { admittedOf } from '../../test/fakes/walk.ts'
import { needs } from '../../test/needs.ts'
import { operationNames } from '../a2a/operations.ts'
import { isJsonObject, type JsonObject } from '../base/strict-json.ts'
import { refuse, type RefusalCode, catalogue } from '../refusal/refusal.ts'
import { createAuditTrail, readLedger, type CallFacts, type Completion, type LedgerRecord } from './audit.ts'
import { ownOperation } from './encode-record.ts'
import { toOcsf } from './ocsf.ts'

const published = readOcsfSource(fileURLToPath(new URL('../../../shared/vectors/ocsf', import.meta.url)))
const withSchema = needs('the OCSF schema in ../shared/vectors/ocsf', published !== undefined)
const reduced = createOcsfValidator(
  JSON.parse(readFileSync(new URL('../../test/fixtures/ocsf-reduced.json', import.meta.url), 'utf8')) as OcsfSource,
)
const context = { origin: sampleOrigin, version: '0.1.0' }

const facts = (changed: Partial<CallFacts> = {}): CallFacts => ({
  call: 'call1',
  receivedAtMs: 1_794_646_800_000,
  snapshotDigest: 'sha256:3f1a',
  source: '192.0.2.7',
  caller: 'user:corp/4f1c',
  origin: 'user:corp/4f1c',
  chain: [],
  authentication: 'jwt',
  credential: 'k1',
  agent: 'calculator',
  operation: 'SendMessage',
  binding: 'JSONRPC',
  version: '1.0',
  tenant: '',
  task: 'task-1',
  context: 'context-1',
  requestBytes: 311,
  requestHash: 'aGFzaA',
  trace: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  ...changed,
})
const nobody = facts({ caller: '', origin: '', agent: '', operation: '', binding: '', version: '', authentication: '' })
const completion = (changed: Partial<Completion> = {}): Completion => ({
  outcome: 'completed',
  status: 200,
  code: '',
  detail: '',
  events: 3,
  answerBytes: 512,
  answerHash: 'aGFzaA',
  durationMs: 12.4,
  timings: { received: 1, forwarded: 2, answered: 11.2 },
  claims: [],
  ...changed,
})
const owner = { caller: 'user:corp/4f1c', origin: 'user:corp/4f1c' }
const about = { agent: 'calculator', tenant: '', owner, groups: [], createdAtMs: 1 }
const claims = [
  { kind: 'task', taskId: 'task-1', contextId: 'context-1', ...about },
  { kind: 'context', contextId: 'context-1', ...about },
  { kind: 'pushConfig', taskId: 'task-1', configId: 'hook-1', ...about },
] as const

/** Every kind of record that the product writes, by the code that writes it. */
async function recordAll(): Promise<string> {
  const sample = createSample()
  const ledger = await sample.open()
  const trail = createAuditTrail({
    ledger,
    clock: sample.clock,
    snapshotDigest: () => 'sha256:3f1a',
    unknownPerMinute: 5,
  })
  await trail.administered('started', '', { version: '0.1.0', digest: 'sha256:3f1a', recovery: { cutBytes: 0 } })
  const chained = facts({ caller: 'agent:planner', chain: ['agent:planner', 'user:corp/4f1c'], tenant: 'acme' })
  for (const operation of operationNames) {
    for (const call of [facts({ operation }), { ...chained, operation }]) {
      await trail.allowed(call, admittedOf(), claims, { content: { parts: ['hello'] } })
      await trail.completed(call, completion({ claims }))
      await trail.completed(call, completion({ outcome: 'aborted', status: 0, detail: 'the caller left' }))
      await trail.completed(call, completion({ outcome: 'failed', code: 'RELEASE_TOO_LARGE', answerHash: '' }))
      await trail.refused(call, refuse('AUTHZ_DENIED', 'no role allows it'), { v: 1 })
      await trail.claimed(call, claims)
    }
  }
  for (const code of Object.keys(catalogue)) await trail.refused(facts(), refuse(code as RefusalCode, 'why'))
  for (const source of ['unknown', '2001:db8::1', '2001:db8:1:2:3:4:5:6', 'a word that is no address: 1'])
    await trail.refused(facts({ source, trace: 'rubbish' }), refuse('VALIDATE_JSON', 'depth'))
  for (const operation of ['ListAgents', 'GetAgentCard']) await trail.discovered(facts({ operation }), 200)
  const exchange = facts({ caller: 'agent:planner', operation: 'ExchangeToken', grantedBy: 'call1', version: '' })
  await trail.discovered(exchange, 200)
  await trail.refused({ ...exchange, agent: '' }, refuse('DELEGATE_TARGET', 'no such agent'))
  for (let times = 0; times < 9; times += 1)
    await trail.refusedUnknown(nobody, refuse('AUTHN_MISSING', 'no credential'))
  for (let times = 0; times < 9; times += 1) await trail.refused(facts(), refuse('LIMIT_RATE', 'too many'))
  const cut = { agent: 'calculator', operation: 'SendMessage', caller: '', origin: '', task: '' }
  await trail.settle([
    { ...cut, call: 'call9', index: 1 },
    { ...cut, call: 'call10', index: 2, caller: 'key:ci', origin: 'key:ci', task: 'task-1' },
  ])
  const acts: [string, string, JsonObject][] = [
    ['configuration.reload', '', { digest: 'sha256:9c', needRestart: [] }],
    ['configuration.refused', '', { problems: 2 }],
    ['key.create', 'key:ci', { name: 'ci' }],
    ['key.create.done', 'key:ci', { name: 'ci', id: 'k9' }],
    ['key.rotate.done', 'key:ci', { name: 'ci', id: 'k9' }],
    ['key.revoke', 'key:ci', { name: 'ci', id: 'k9' }],
    ['ownership.rebuilt', '', { why: 'damaged' }],
    ['unrecorded-refusals', '', { gap: { count: 3, sinceMs: 5, codes: { AUTHZ_DENIED: 3 }, completionsLost: [] } }],
    ['witness.conflict', '', { log: '5a11e001' }],
    ['audit.erase', '', { lines: 2, reason: 'asked for', by: 'key:admin' }],
    ['audit.hold', '', { name: 'case-7' }],
    ['audit.export', '', { query: '--from 0' }],
    ['export.started', '', { name: 'siem', target: 'https://siem.example.com' }],
    [
      'admin.login',
      'user:corp/alice',
      { caller: 'user:corp/alice', by: 'user:corp/alice', via: 'login', source: '127.0.0.1' },
    ],
    ['admin.login.refused', 'user:corp/bob', { caller: 'user:corp/bob', via: 'login', detail: 'no role' }],
    ['admin.logout', 'user:corp/alice', { caller: 'user:corp/alice', session: 'abc' }],
    [
      'admin.call',
      'admin-token:ci',
      { by: 'admin-token:ci', caller: 'admin-token:ci', roles: ['viewer'], path: '/status' },
    ],
    ['something.new', '', { anything: [1, null, { a: 'b' }] }],
  ]
  for (const [action, subject, event] of acts) await trail.administered(action, subject, event)
  await trail.close()
  return sample.dir
}

let recorded: Promise<string> | undefined
const recordOnce = (): Promise<string> => (recorded ??= recordAll())
const open = async (): Promise<LedgerRecord[]> =>
  collect(readLedger(await recordOnce(), { keyEncryptionKey: sampleKeyEncryptionKey }))
const closed = async (): Promise<LedgerRecord[]> => collect(readLedger(await recordOnce()))

/** What the ledger alone writes about itself, as other parts of it and later ones do. */
function ownRecords(like: LedgerRecord): LedgerRecord[] {
  return Object.values(ownOperation).map((operation) => ({
    ...like,
    event: undefined,
    envelope: {
      ...like.envelope,
      kind: operation === ownOperation.subjectKey ? 'subject-key' : 'lifecycle',
      operation,
      call: '',
      actor: '',
      agent: '',
      body: '',
      fields: {},
    },
  }))
}

async function everything(): Promise<LedgerRecord[]> {
  const records = await open()
  return [...records, ...(await closed()), ...records.slice(-1).flatMap(ownRecords)]
}

test('every record is a valid event by the published schema', withSchema, async () => {
  assert.ok(published)
  const validate = createOcsfValidator(published)
  const records = await everything()
  assert.ok(records.length > 300)
  for (const record of records) {
    const event = toOcsf(record, context)
    assert.deepEqual(validate(event), [], JSON.stringify(event))
  }
})

test('every record is a valid event by the reduced definition', async () => {
  for (const record of await everything()) {
    const event = toOcsf(record, context)
    assert.deepEqual(reduced(event), [], JSON.stringify(event))
  }
})

test('the body decides neither class nor activity of a call, and its absence is said', async () => {
  const readable = await open()
  for (const [at, record] of (await closed()).entries()) {
    const [less, more] = [toOcsf(record, context), toOcsf(readable[at] ?? record, context)]
    assert.equal(less['class_uid'], more['class_uid'])
    if (record.envelope.kind !== 'folded') assert.equal(less['type_uid'], more['type_uid'])
    assert.equal(member(less, 'unmapped', 'body'), record.envelope.body === '' ? undefined : 'unreadable')
    assert.equal(member(more, 'unmapped', 'body'), undefined)
  }
})

test('without the key nothing of the body is in the event', async () => {
  const secrets = ['user:corp/4f1c', 'agent:planner', '192.0.2.7', 'task-1', 'context-1', 'no role allows it', 'hello']
  for (const record of await closed()) {
    const text = JSON.stringify(toOcsf(record, context))
    for (const secret of secrets) assert.equal(text.includes(secret), false, `${secret} in ${text}`)
  }
})

test('the same record gives the same event, and changes none that was given before', async () => {
  for (const record of await open()) {
    const before = JSON.stringify(record.event)
    const event = toOcsf(record, context)
    const text = JSON.stringify(event)
    for (const name of Object.keys(event)) delete event[name]
    assert.equal(JSON.stringify(toOcsf(record, context)), text)
    assert.equal(JSON.stringify(record.event), before)
  }
})

test('each kind of record has its class', async () => {
  const found = new Map<string, Set<number>>()
  for (const record of await everything()) {
    const { kind, operation, code } = record.envelope
    const isAct = kind === 'administration' || kind === 'lifecycle'
    const isToken = operation === 'ExchangeToken'
    const name = isAct || isToken ? operation : code.startsWith('AUTHN_') ? `${kind} AUTHN` : kind
    found.set(name, (found.get(name) ?? new Set()).add(Number(toOcsf(record, context)['class_uid'])))
  }
  const classes = Object.fromEntries([...found].map(([name, uids]) => [name, [...uids].join()]))
  const expected = {
    decision: '6003',
    completion: '6003',
    'decision AUTHN': '3002',
    'folded AUTHN': '2004',
    folded: '2004',
    ownership: '3003',
    ExchangeToken: '3003',
    'subject-key': '3004',
    'key.create': '3004',
    'configuration.reload': '3004',
    'audit.erase': '3004',
    'audit.hold': '3004',
    'admin.login': '3002',
    'admin.login.refused': '3002',
    'admin.logout': '3002',
    'admin.call': '3004',
    'export.started': '3004',
    'something.new': '3004',
    'subject-erased': '3004',
    started: '6002',
    stopped: '6002',
    'ledger-created': '6002',
    'signing-key-added': '6002',
    'signing-key-retired': '6002',
    'recording-resumed': '6002',
    'log-succeeds': '6002',
    'unrecorded-refusals': '2003',
    'bodies-expired': '2003',
    'records-pruned': '2003',
    'witness.conflict': '2003',
  }
  for (const [name, uid] of Object.entries(expected)) assert.equal(classes[name], uid, name)
})

test('a decision says who, what, where, by which rule, and how to find its proof', async () => {
  const record = (await open()).find(({ envelope }) => envelope.kind === 'decision' && envelope.outcome === 'allowed')
  assert.ok(record)
  const event = toOcsf(record, context)
  assert.deepEqual(event['metadata'], {
    version: '1.8.0',
    product: { name: 'Sallyport', vendor_name: 'Sallyport', version: '0.1.0' },
    uid: `${sampleOrigin}/${record.index}`,
    log_name: sampleOrigin,
    sequence: record.index,
    event_code: 'decision',
    correlation_uid: 'call1',
    original_time: record.envelope.time,
    profiles: ['security_control', 'trace'],
  })
  assert.equal(member(event, 'actor', 'user', 'uid'), 'user:corp/4f1c')
  assert.deepEqual(member(event, 'actor', 'authorizations'), [{ decision: 'Allowed', policy: { name: 'user#0' } }])
  assert.deepEqual(event['src_endpoint'], { ip: '192.0.2.7' })
  assert.deepEqual(event['trace'], { uid: '4bf92f3577b34da6a3ce929d0e0e4736' })
  assert.deepEqual(event['http_request'], { body_length: 311 })
  assert.equal(member(event, 'api', 'version'), '1.0')
  assert.equal(member(event, 'unmapped', 'attestation_list', 0, 'fingerprint', 'value'), record.leafHash)
  assert.equal(member(event, 'unmapped', 'configuration'), 'sha256:3f1a')
  assert.deepEqual(member(event, 'unmapped', 'commitments'), record.envelope.fields)
  assert.deepEqual(member(event, 'unmapped', 'content'), { parts: ['hello'] })
})

test('a chain is told with its origin, and a completion with its times', async () => {
  const records = await open()
  const chained = records.find(({ event }) => event?.['tenant'] === 'acme')
  const ended = records.find(({ envelope }) => envelope.kind === 'completion' && envelope.outcome === 'completed')
  assert.ok(chained && ended)
  assert.deepEqual(member(toOcsf(chained, context), 'unmapped', 'delegation'), {
    origin: 'user:corp/4f1c',
    chain: ['agent:planner', 'user:corp/4f1c'],
  })
  const event = toOcsf(ended, context)
  assert.deepEqual([event['duration'], event['end_time']], [12, Date.parse(ended.envelope.time)])
  assert.deepEqual(event['http_response'], { code: 200, body_length: 512 })
  assert.deepEqual(member(event, 'unmapped', 'event', 'timings'), { received: 1, forwarded: 2, answered: 11.2 })
})

/** One change to a valid event, and a word of what has to be said of it. */
const breaks: readonly [string, (event: JsonObject) => unknown, RegExp][] = [
  ['a required member left out', (event) => delete event['severity_id'], /severity_id is missing/],
  ['a required member of an object left out', (event) => delete object(event, 'api')['operation'], /operation is miss/],
  ['a member that the class has not', (event) => (event['colour'] = 'red'), /colour is no attribute/],
  ['a member that the object has not', (event) => (object(event, 'api')['colour'] = 'red'), /api\.colour is no/],
  ['a type id that does not follow', (event) => (event['type_uid'] = 600_302), /type_uid is 600302/],
  ['another category', (event) => (event['category_uid'] = 3), /category_uid is 3/],
  ['no such class', (event) => (event['class_uid'] = 6_999), /of no class/],
  ['a value outside an enum', (event) => (event['severity_id'] = 12), /severity_id has no value 12/],
  ['a caption of another id', (event) => (event['severity'] = 'High'), /severity_id is 1, but severity/],
  ['other, without saying what', (event) => (delete event['status'], (event['status_id'] = 99)), /without status/],
  ['a text for a number', (event) => (event['time'] = '2026-11-14'), /time is no integer/],
  ['a fraction for an integer', (event) => (object(event, 'http_request')['body_length'] = 1.5), /is no integer/],
  ['a list for an object', (event) => (event['actor'] = []), /actor is a list/],
  ['an object for a list', (event) => (event['resources'] = {}), /resources is no list/],
  ['an empty endpoint', (event) => (event['src_endpoint'] = {}), /src_endpoint has not at_least_one/],
  ['no address', (event) => (event['src_endpoint'] = { ip: 'localhost' }), /ip is no ip_t/],
  ['a profile that is not declared', (event) => delete object(event, 'metadata')['profiles'], /action_id is no attr/],
  ['a profile that nobody knows', (event) => (object(event, 'metadata')['profiles'] = ['x']), /x is no profile/],
  ['a member of a later version', (event) => (event['ai_agent'] = { uid: 'agent:a' }), /ai_agent/],
  ['a text for the whole', () => 'event', /no object/],
]

const validators: readonly [string, () => ReturnType<typeof createOcsfValidator>, { skip?: string }][] = [
  ['reduced', () => reduced, {}],
  ['published', () => createOcsfValidator(published ?? never()), withSchema],
]
for (const [name, make, options] of validators) {
  test(`the validator finds what is wrong, by the ${name} schema`, options, async () => {
    const validate = make()
    const record = (await open()).find(({ envelope }) => envelope.kind === 'decision' && envelope.outcome === 'allowed')
    assert.ok(record)
    for (const [what, change, expected] of breaks) {
      const event = toOcsf(record, context)
      assert.deepEqual(validate(event), [])
      const replaced = change(event)
      const problems = validate(replaced === 'event' ? replaced : event)
      assert.match(problems.join('; '), expected, what)
    }
  })
}

function never(): never {
  throw new Error('the schema is not there')
}

function object(event: JsonObject, name: string): JsonObject {
  const value = event[name]
  assert.ok(isJsonObject(value), name)
  return value
}

function member(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce((at: unknown, name) => (at as Record<string, unknown> | undefined)?.[name], value)
}
