import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from '../base/fault.ts'
import { runCli } from './cli.ts'
import type { Ports, TailRecord } from './ports.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
}

const day = 86_400_000
const summary = {
  id: 'abcdefghijkl',
  name: 'ci',
  environment: 'live',
  createdAtMs: 0,
  expiresAtMs: day,
  revokedAtMs: null,
  previousUntilMs: null,
  agents: null,
  operations: null,
  networks: null,
  lastUsedMs: null,
  lastNetwork: null,
  wrongSecrets: 0,
  wrongSinceMs: null,
  wrongNetworks: 0,
}

const adminSession = {
  id: '0011',
  principal: 'user:corp/alice',
  display: 'Alice',
  via: 'login',
  createdAtMs: 0,
  usedAtMs: 5,
  endsAtMs: day,
} as const

function fakePorts(overrides: Partial<Ports> = {}): Ports {
  const unused = (): never => assert.fail('not to be called')
  return {
    runServe: unused,
    runDemo: unused,
    openState: () =>
      Promise.resolve({
        methods: {
          ping: unused,
          'key.create': ({ name, expiresInMs }) =>
            Promise.resolve({ key: `sp_live_${name}`, summary: { ...summary, name, expiresAtMs: expiresInMs } }),
          'key.import': unused,
          'key.list': () => Promise.resolve([summary, { ...summary, name: 'old', revokedAtMs: 5 }]),
          'key.rotate': () => Promise.resolve({ key: 'sp_live_rotated', summary }),
          'key.revoke': ({ name }) =>
            name === 'ci'
              ? Promise.resolve([summary])
              : Promise.reject(new Fault('CONTROL_FAILED', 'there is no such key')),
          'token.revoke': (request) =>
            Promise.resolve(
              request.kind === 'token'
                ? { kind: 'token', issuer: request.issuer, id: request.jti, beforeMs: 0, untilMs: 1000 }
                : {
                    kind: 'subject',
                    issuer: null,
                    id: request.subject,
                    beforeMs: request.beforeMs ?? 0,
                    untilMs: 1000,
                  },
            ),
          'token.revocations': () => Promise.resolve([]),
          'policy.reload': unused,
          'approval.list': unused,
          'approval.grant': unused,
          'approval.deny': unused,
          'admin.bootstrap': () => Promise.resolve({ token: 'spb_x', expiresAtMs: day, url: 'http://127.0.0.1:7001' }),
          'admin.sessions': () => Promise.resolve([{ ...adminSession, roles: ['viewer', 'auditor'] }]),
          'admin.logout': ({ id }) => Promise.resolve({ ended: id === adminSession.id }),
          'block.add': unused,
          'block.remove': unused,
          'block.list': unused,
          'audit.taken': unused,
          'audit.erase': unused,
          'audit.hold': unused,
          'audit.holds': unused,
          'audit.release': unused,
          'audit.prune': unused,
          'secret.set': unused,
          'secret.list': () => Promise.resolve([{ name: 'crm', setAtMs: 5, usedAt: ['admin.token'] }]),
          'secret.remove': unused,
          'secrets.rotate': unused,
          'assertion.rotate-key': () => Promise.resolve({ kid: 'new', signsFromMs: 5, retiring: 'old' }),
          'ledger.rotate-key': ({ role, overlapMs }) =>
            Promise.resolve({ origin: role, vkey: 'new', retiring: 'old', retiresAtMs: overlapMs }),
        },
        close: () => Promise.resolve(),
      }),
    readRetention: unused,
    beginAnew: unused,
    runWitness: unused,
    witnessKeys: unused,
    verifyLedger: unused,
    tailLedger: unused,
    searchLedger: unused,
    reindexLedger: unused,
    proveRecords: unused,
    discloseRecord: unused,
    verifyProof: unused,
    exportLedger: unused,
    verifyExport: unused,
    verifyReceipt: unused,
    suggestKeys: unused,
    checkPolicy: () => [],
    explainPolicy: unused,
    policyMatrix: unused,
    testPolicy: unused,
    replayPolicy: unused,
    suggestPolicy: unused,
    inspectAgent: unused,
    ...overrides,
  }
}

const cwd = temporaryFolder()
const dataDir = join(cwd, 'data')
mkdirSync(join(dataDir, 'ledger/5a11e001/segments'), { recursive: true })
const file = join(cwd, 'sallyport.yaml')
const yaml =
  'dataDir: ./data\nagents: [{ name: calculator, url: "http://127.0.0.1:9001" }]\npolicy: { roles: [{ name: analyst }] }\n'
writeFileSync(file, yaml)

async function run(words: readonly string[], ports: Partial<Ports> = {}): Promise<Run> {
  let [out, err] = ['', '']
  const io = {
    out: (text: string): void => void (out += text),
    err: (text: string): void => void (err += text),
    color: false,
    cwd,
    stopSignal: () => new AbortController().signal,
  }
  const code = await runCli(words, io, () => Promise.resolve(fakePorts(ports)))
  return { code, out, err }
}

const titles = [
  'demo',
  'serve',
  'config encrypt',
  'secret set',
  'secret list',
  'secret remove',
  'secrets rotate',
  'config check',
  'config show',
  'config schema',
  'key create',
  'key list',
  'key rotate',
  'key revoke',
  'agent add',
  'agent list',
  'agent inspect',
  'policy check',
  'policy explain',
  'policy bind',
  'audit verify',
  'audit tail',
  'audit search',
  'audit reindex',
]

for (const title of titles) {
  test(`${title} has help and takes --json`, async () => {
    const { code, out, err } = await run([...title.split(' '), '--help'])
    assert.equal(code, 0)
    assert.equal(err, '')
    assert.match(out, new RegExp(`usage: sallyport ${title}`))
    assert.match(out, /--json/)
  })
}

test('the overview names every command', async () => {
  const { code, out } = await run(['--help'])
  assert.equal(code, 0)
  for (const title of titles) assert.match(out, new RegExp(`^  ${title} `, 'm'))
})

test('wrong usage is refused with exit 2, nothing on standard output, and a hint', async () => {
  const wrong = [
    [],
    ['kee'],
    ['key'],
    ['key', 'creat'],
    ['--json'],
    ['-x'],
    ['key', 'create'],
    ['key', 'create', 'a', 'b'],
    ['key', 'create', 'a', '--expirs=1d'],
    ['key', 'create', 'a', '--expires'],
    ['key', 'create', 'a', '--expires', '--json'],
    ['key', 'create', 'a', '--expires=soon'],
    ['key', 'create', 'a', '--json=yes'],
    ['key', 'create', 'a', '--expires=1d', '--expires=2d'],
    ['key', 'create', 'Not A Name'],
    ['key', 'create', 'a', '--expires=0s'],
    ['key', 'rotate', 'a', '--overlap=8d'],
    ['key', 'list', '-c', 'absent.yaml'],
    ['key', 'list', '--data-dir', 'absent'],
    ['audit', 'tail', '-n', 'x'],
    ['demo', '--port', '70000'],
    ['demo', '--port', '-1'],
    ['policy', 'explain'],
    ['policy', 'explain', '--caller', 'key:ci', '--agent', 'calculator', '--operation', 'SendMesage'],
    ['policy', 'explain', '--caller', 'key:ci', '--agent', 'calc', '--operation', 'SendMessage'],
    ['agent', 'inspect', 'nobody'],
    ['agent', 'add', 'ftp://x', '--no-fetch', '--name', 'x'],
    ['agent', 'add', 'http://x', '--no-fetch'],
    ['constructor'],
    ['__proto__', 'toString'],
  ]
  for (const words of wrong) {
    const { code, out, err } = await run(words)
    assert.equal(code, 2, `${words.join(' ')}: ${err}`)
    assert.equal(out, '', words.join(' '))
    if (words.length > 0) assert.match(err, /^error: .+\nhint: .+\n$/, words.join(' '))
  }
})

test('nothing that was typed can steer the terminal', async () => {
  const { err } = await run(['\u001b[31mkey\u202e'])
  assert.doesNotMatch(err, /[\u001b\u202e]/)
})

test('key create prints the key and nothing else', async () => {
  assert.deepEqual(await run(['key', 'create', 'ci']), { code: 0, out: 'sp_live_ci\n', err: '' })
  const { out } = await run(['key', 'create', 'ci', '--expires', '1d', '--json'])
  assert.deepEqual(
    [JSON.parse(out).key, JSON.parse(out).principal, out.split('\n').length],
    ['sp_live_ci', 'key:ci', 2],
  )
})

test('admin bootstrap prints the token and nothing else', async () => {
  const state = ['--data-dir', cwd]
  assert.deepEqual(await run(['admin', 'bootstrap', ...state]), { code: 0, out: 'spb_x\n', err: '' })
  const { out } = await run(['admin', 'bootstrap', '--json', ...state])
  assert.deepEqual(JSON.parse(out), {
    token: 'spb_x',
    expiresAt: '1970-01-02T00:00:00.000Z',
    url: 'http://127.0.0.1:7001',
  })
})

test('admin sessions lists who is logged in, and admin logout ends one that is there', async () => {
  const state = ['--data-dir', cwd]
  const listed = await run(['admin', 'sessions', '--json', ...state])
  const { principal, roles, endsAt } = JSON.parse(listed.out) as Record<string, unknown>
  assert.deepEqual([principal, roles, endsAt], ['user:corp/alice', ['viewer', 'auditor'], '1970-01-02T00:00:00.000Z'])
  assert.match((await run(['admin', 'sessions', ...state])).out, /0011 +user:corp\/alice +Alice +viewer auditor/)
  assert.deepEqual(await run(['admin', 'logout', '0011', ...state]), { code: 0, out: 'ended\n', err: '' })
  assert.equal((await run(['admin', 'logout', '0012', ...state])).code, 1)
  assert.equal((await run(['admin', 'logout', ...state])).code, 2)
})

test('key list shows every key, one JSON document per line', async () => {
  const { code, out } = await run(['key', 'list', '--json'])
  assert.equal(code, 0)
  assert.deepEqual(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).status),
    ['expired', 'revoked'],
  )
})

test('revoking what is not there is told', async () => {
  assert.equal((await run(['key', 'revoke', 'ci'])).code, 0)
  assert.equal((await run(['key', 'revoke', 'nobody'])).code, 2)
})

test('state is closed also when the change failed', async () => {
  let closed = 0
  const openState: Ports['openState'] = async (context) => ({
    ...(await fakePorts().openState(context)),
    close: () => Promise.resolve(void closed++),
  })
  await run(['key', 'revoke', 'nobody'], { openState })
  assert.equal(closed, 1)
})

test('a data directory is enough; a configuration that is about another one is left out', async () => {
  const seen: unknown[] = []
  const openState: Ports['openState'] = (context) => {
    seen.push([context.dataDir, context.loaded?.file])
    return fakePorts().openState(context)
  }
  const other = temporaryFolder()
  await run(['key', 'list'], { openState })
  await run(['key', 'list', '--data-dir', other], { openState })
  await run(['key', 'list', '--data-dir', other, '-c', file], { openState })
  writeFileSync(join(other, 'sallyport.yaml'), '')
  await run(['key', 'list', '--data-dir', other], { openState })
  const beside = join(other, '.sallyport')
  mkdirSync(beside)
  await run(['key', 'list', '--data-dir', beside], { openState })
  assert.deepEqual(seen, [
    [dataDir, file],
    [other, undefined],
    [other, file],
    [other, join(other, 'sallyport.yaml')],
    [beside, join(other, 'sallyport.yaml')],
  ])
})

test('the exit code of audit verify is its answer', async () => {
  const report = {
    ok: true,
    size: 3,
    root: 'cm9vdA',
    logs: [{ origin: 'sallyport.local/ab', size: 3, root: 'cm9vdA' }],
    problems: [],
    notes: [{ log: 'ab', file: 'x.seg', message: '9 bytes of an unfinished group' }],
  }
  const broken = {
    ...report,
    ok: false,
    problems: [{ log: 'ab', index: 2, file: 'x.seg', offset: 9, kind: 'changed', message: 'was changed' }],
  }
  const good = await run(['audit', 'verify', '--json'], { verifyLedger: () => Promise.resolve(report) })
  assert.deepEqual([good.code, JSON.parse(good.out)], [0, report])
  const bad = await run(['audit', 'verify', '--json'], { verifyLedger: () => Promise.resolve(broken) })
  assert.deepEqual([bad.code, JSON.parse(bad.out).ok], [1, false])
  assert.match(
    (await run(['audit', 'verify'], { verifyLedger: () => Promise.resolve(broken) })).err,
    /record 2 in x\.seg at byte 9/,
  )
})

test('audit tail prints a line for each record', async () => {
  const record: TailRecord = {
    log: 'ab',
    index: 1,
    time: 't',
    kind: 'decision',
    call: 'c',
    origin: 'user:corp/1',
    caller: 'key:a\u001b[2J',
    agent: 'calculator',
    operation: 'SendMessage',
    outcome: 'refused',
    code: 'AUTHZ_DENIED',
    ocsf: { class_uid: 6003, status_code: 'AUTHZ_DENIED' },
  }
  async function* tailLedger(): AsyncIterable<TailRecord> {
    yield await Promise.resolve(record)
  }
  const { code, out } = await run(['audit', 'tail', '-n', '1'], { tailLedger })
  assert.equal(code, 0)
  assert.match(out, /#1 .*refused.*AUTHZ_DENIED/)
  assert.doesNotMatch(out, /\u001b/)
  const lines = await run(['audit', 'tail', '-n', '1', '--json'], { tailLedger })
  assert.equal(lines.out, `${JSON.stringify(record.ocsf)}\n`)
})

test('the exit code of policy explain is its answer', async () => {
  const words = ['policy', 'explain', '--caller', 'key:ci', '--agent', 'calculator', '--operation', 'SendMessage']
  const explain = (allowed: boolean): Partial<Ports> => ({
    explainPolicy: () => ({
      allowed,
      reason: 'analyst#0 allows',
      steps: [{ rule: 'analyst#0', effect: 'allow', outcome: 'matched', detail: 'bound to key:ci' }],
    }),
  })
  assert.equal((await run(words, explain(true))).code, 0)
  assert.equal((await run(words, explain(false))).code, 1)
  assert.equal(JSON.parse((await run([...words, '--json'], explain(false))).out).allowed, false)
})

test('a policy that does not compile stops what depends on it', async () => {
  const checkPolicy: Ports['checkPolicy'] = () => [{ path: ['policy', 'roles', 0], message: 'does not compile' }]
  for (const words of [['config', 'check'], ['policy', 'check'], ['serve'], ['policy', 'bind', 'analyst', 'key:a']]) {
    const { code, err } = await run(words, { checkPolicy })
    assert.equal(code, 2)
    assert.match(err, /sallyport\.yaml:3:19: policy\.roles\[0\]: does not compile/)
  }
  const { code, out } = await run(['config', 'check', '--json'], { checkPolicy })
  assert.deepEqual([code, JSON.parse(out).problems[0].line], [2, 3])
})

test('policy bind and agent add edit the file', async () => {
  assert.equal((await run(['policy', 'bind', 'analyst', 'key:carol'])).code, 0)
  const inspectAgent: Ports['inspectAgent'] = () =>
    Promise.resolve({
      cardUrl: 'http://127.0.0.1:9002/.well-known/agent-card.json',
      name: 'My Agent (v2)',
      description: '',
      version: '',
      protocolVersions: [],
      interfaces: [],
      streaming: false,
      pushNotifications: false,
      signed: false,
      securitySchemes: [],
      skills: [],
    })
  assert.equal((await run(['agent', 'add', 'http://127.0.0.1:9002'], { inspectAgent })).code, 0)
  const text = readFileSync(file, 'utf8')
  assert.match(text, /key:carol/)
  assert.match(text, /my-agent-v2/)
  assert.equal((await run(['agent', 'add', 'http://127.0.0.1:9002'], { inspectAgent })).code, 2)
  writeFileSync(file, yaml)
})

test('agent inspect uses the configuration for a name and none for a URL', async () => {
  const targets: unknown[] = []
  const inspectAgent: Ports['inspectAgent'] = (target) => {
    targets.push([target.name, target.url])
    return Promise.reject(new Fault('STORE_UNREACHABLE', 'no card'))
  }
  assert.equal((await run(['agent', 'inspect', 'calculator'], { inspectAgent })).code, 3)
  await run(['agent', 'inspect', 'https://x.example'], { inspectAgent })
  assert.deepEqual(targets, [
    ['calculator', 'http://127.0.0.1:9001'],
    [undefined, 'https://x.example'],
  ])
})

test('demo and serve hand on what was asked for', async () => {
  const seen: unknown[] = []
  const ports: Partial<Ports> = {
    runDemo: ({ port, adminPort, dataDir: given, json }) =>
      Promise.resolve(seen.push([port, adminPort, given, json]) - 1),
    runServe: ({ dataDir: given, loaded }) => Promise.resolve(seen.push([given, loaded.file]) + 1),
  }
  assert.equal((await run(['demo', '--json', '--port', '0', '--admin-port=0'], ports)).code, 0)
  assert.equal((await run(['serve', '--data-dir', 'elsewhere'], ports)).code, 3)
  assert.deepEqual(seen, [
    [0, 0, undefined, true],
    [join(cwd, 'elsewhere'), file],
  ])
})

test('what the system refuses is told as such, never as a bug', async () => {
  const denied = Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'scandir', path: '/x/ledger' })
  const { code, err } = await run(['audit', 'verify'], { verifyLedger: () => Promise.reject(denied) })
  assert.equal(code, 3)
  assert.match(err, /^error: cannot use \/x\/ledger: permission denied\nhint: /)
})

test('audit verify says how many of the signed records are there, and that there is no ledger', async () => {
  const log = { origin: 'o', size: 9, root: 'r', signedSize: 24 }
  const report = { ok: false, size: 9, root: 'r', logs: [log], problems: [], notes: [] }
  const { code, out } = await run(['audit', 'verify'], { verifyLedger: () => Promise.resolve(report) })
  assert.equal(code, 1)
  assert.equal(out, 'o  size 9 of 24 records found  root r\nnot ok: size 9 of 24 records found, root r\n')
  const none = { ...report, ok: true, size: 0, logs: [] }
  assert.equal((await run(['audit', 'verify'], { verifyLedger: () => Promise.resolve(none) })).code, 2)
})

test('policy bind notes a key that is not there, and binds all the same', async () => {
  const { code, out, err } = await run(['policy', 'bind', 'analyst', 'key:nobody'])
  assert.deepEqual([code, out.startsWith('bound')], [0, true])
  assert.match(err, /^note: there is no live key/)
  assert.equal((await run(['policy', 'bind', 'analyst', 'key:ci'])).err, '')
  assert.equal((await run(['policy', 'bind', 'analyst', 'user:corp/1'])).err, '')
  assert.match((await run(['policy', 'bind', 'analyst', 'key:old'])).err, /^note/, 'revoked')
  const failing = { openState: () => Promise.reject(new Fault('LEDGER_LOCKED', 'in use')) }
  assert.deepEqual(await run(['policy', 'bind', 'analyst', 'key:other'], failing), {
    code: 0,
    out: `bound analyst to key:other in ${file}\n`,
    err: '',
  })
  writeFileSync(file, yaml)
})

test('config check warns of a file by which nothing can be called', async () => {
  const { code, err } = await run(['config', 'check'])
  assert.equal(code, 0)
  assert.match(err, /^warning: .*policy\.bindings: nobody has a role/)
})

test('a bug ends with exit 3 and says so', async () => {
  const { code, err } = await run(['audit', 'verify'], { verifyLedger: () => Promise.reject(new TypeError('x')) })
  assert.equal(code, 3)
  assert.match(err, /^error: internal error/)
})

test('nothing is created by asking', async () => {
  await run(['audit', 'verify', '--data-dir', 'nowhere'])
  assert.ok(!existsSync(join(cwd, 'nowhere')))
})

test('token revoke takes one token by issuer and id, or a subject, and nothing between', async () => {
  const one = await run(['token', 'revoke', '--jti', 'a b', '--issuer', 'corp', '--data-dir', dataDir, '--json'])
  assert.deepEqual(JSON.parse(one.out), {
    kind: 'token',
    issuer: 'corp',
    id: 'a b',
    before: '1970-01-01T00:00:00.000Z',
    until: '1970-01-01T00:00:01.000Z',
  })
  const subject = await run([
    'token',
    'revoke',
    '--subject',
    'user:corp/a',
    '--before',
    '2026-01-01',
    '--data-dir',
    dataDir,
  ])
  assert.match(subject.out, /^revoked tokens of user:corp\/a issued before 2026-01-01T00:00:00.000Z/)
  for (const flags of [
    [],
    ['--jti', 'a'],
    ['--issuer', 'corp'],
    ['--jti', 'a', '--subject', 'user:corp/a'],
    ['--jti', 'a', '--issuer', 'corp', '--before', '1h'],
    ['--subject', 'user:corp/a', '--issuer', 'corp'],
    ['--before', '1h'],
    ['--subject', 'user:corp/a', '--before', 'soon'],
  ])
    assert.equal((await run(['token', 'revoke', ...flags, '--data-dir', dataDir])).code, 2)
  assert.equal((await run(['token', 'revocations', '--data-dir', dataDir])).out, 'nothing is revoked\n')
})
