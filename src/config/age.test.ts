import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { inflateSync } from 'node:zlib'
import { Encrypter, generateHybridIdentity, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { Fault } from '../base/fault.ts'
import { Secret } from '../base/secret.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { decodeAgeFile, decodeAgeValue, decryptAge, encryptAge, formatAgeValue, formatArmor } from './age.ts'
import { readIdentities } from './age-identities.ts'
import { effectiveConfig, formatEffective, loadConfig, buildSnapshot, type LoadedConfig } from './config.ts'

// its own types are not of a module
const vectors = createRequire(import.meta.url)('cctv-age') as Readonly<Record<string, Uint8Array>>

const unreadable = (error: unknown): boolean => error instanceof Fault && error.code === 'KEY_UNREADABLE'
const identity = await generateX25519Identity()
const recipient = await identityToRecipient(identity)
const identities = [Secret.ofText(identity)]
const canary = 'hunter2-in-the-configuration'

async function write(yaml: string | Buffer, name = 'sallyport.yaml'): Promise<string> {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, yaml)
  return Promise.resolve(file)
}

const load = (
  file: string,
  env: Record<string, string> = { SALLYPORT_AGE_IDENTITY: identity },
): ReturnType<typeof loadConfig> => loadConfig(file, { env })

async function loaded(file: string): Promise<LoadedConfig> {
  const result = await load(file)
  assert.ok(result.ok, JSON.stringify(result))
  return result
}

test('a value is encrypted for every recipient, and decrypts for each of them', async () => {
  const hybrid = await generateHybridIdentity()
  const encrypted = await encryptAge(Buffer.from(canary), [recipient, await identityToRecipient(hybrid)])
  for (const each of [identity, hybrid])
    assert.equal((await decryptAge(decodeAgeValue(formatAgeValue(encrypted)), [Secret.ofText(each)])).text(), canary)
  assert.deepEqual(decodeAgeValue(`age:\n${formatArmor(encrypted)}`), encrypted)
  assert.deepEqual(decodeAgeFile(Buffer.from(formatArmor(encrypted))), encrypted)
})

test('a wrong identity, none, or a changed byte decrypts nothing', async () => {
  const encrypted = await encryptAge(Buffer.from(canary), [recipient])
  await assert.rejects(decryptAge(encrypted, [Secret.ofText(await generateX25519Identity())]), unreadable)
  await assert.rejects(decryptAge(encrypted, []), unreadable)
  for (let at = 0; at < encrypted.length; at += 1) {
    const changed = Buffer.from(encrypted)
    changed[at] = (changed[at] ?? 0) ^ 1
    await assert.rejects(decryptAge(changed, identities), unreadable, `byte ${at}`)
  }
  for (const length of [0, 10, 22, 100, encrypted.length - 1])
    await assert.rejects(decryptAge(encrypted.subarray(0, length), identities), unreadable)
})

test('a passphrase, a plugin, an SSH key or a kind that nobody knows is refused before any work', async () => {
  const byPassphrase = new Encrypter()
  byPassphrase.setPassphrase('hunter2')
  byPassphrase.setScryptWorkFactor(2)
  await assert.rejects(decryptAge(Buffer.from(await byPassphrase.encrypt('x')), identities), unreadable)
  const encrypted = (await encryptAge(Buffer.from(canary), [recipient])).toString('latin1')
  for (const stanza of [
    '-> yubikey-piv AAAA',
    '-> ssh-ed25519 AAAA',
    '-> grease',
    '->',
    '-> scrypt AAAA 40',
    '-> x25519 AAAA',
  ]) {
    const mixed = encrypted.replace('\n-> ', `\n${stanza}\nAAAA\n-> `)
    await assert.rejects(decryptAge(Buffer.from(mixed, 'latin1'), identities), unreadable, stanza)
  }
})

test('a huge header, or many recipients, is refused before any work', async () => {
  const line = `-> X25519 ${'A'.repeat(43)}\n${'A'.repeat(43)}\n`
  const heads = [line.repeat(21), line.repeat(10_000), `-> X25519 ${'A'.repeat(100_000)}\n`, 'A'.repeat(1_000_000)]
  for (const head of heads) {
    const file = Buffer.from(`age-encryption.org/v1\n${head}--- ${'A'.repeat(43)}\n${'x'.repeat(64)}`)
    const startMs = performance.now()
    await assert.rejects(decryptAge(file, identities), unreadable)
    assert.ok(performance.now() - startMs < 5_000)
  }
})

test('what is no age value is refused, whatever it looks like', () => {
  const armor = formatArmor(Buffer.from('age-encryption.org/v1\n'))
  for (const text of [
    '',
    '=',
    'AAAA',
    'hunter2',
    armor.slice(0, -8),
    armor.replace('AGE', 'PGP'),
    `${armor}x`,
    armor.toLowerCase(),
  ])
    assert.throws(() => decodeAgeValue(`age:${text}`), unreadable, text)
  assert.equal(decodeAgeFile(Buffer.from('gateway: {}')), undefined)
  assert.throws(() => decodeAgeFile(Buffer.from(armor.slice(0, -8))), unreadable)
})

test('nobody is encrypted for who could not read it here', async () => {
  for (const bad of [
    '',
    'age1',
    'hunter2',
    recipient.slice(0, -1),
    identity,
    'ssh-ed25519 AAAA',
    `age1tag1${'q'.repeat(50)}`,
  ])
    await assert.rejects(
      encryptAge(Buffer.from(canary), [recipient, bad]),
      (error) => error instanceof Fault && error.code === 'CONTROL_FAILED' && !error.message.includes('hunter2'),
    )
})

test('identities come from a file or the environment, one a line; all else is refused and never repeated', () => {
  const file = join(temporaryFolder(), 'identity.txt')
  writeFileSync(file, `# of the gateway\n\n${identity}\r\n`)
  assert.equal(readIdentities(file, {})[0]?.text(), identity)
  assert.equal(readIdentities(undefined, { SALLYPORT_AGE_IDENTITY: `file:${file}` }).length, 1)
  assert.equal(readIdentities(undefined, { SALLYPORT_AGE_IDENTITY: identity }).length, 1)
  assert.equal(readIdentities(undefined, {}).length, 0)
  for (const text of [
    'hunter2',
    'AGE-PLUGIN-YUBIKEY-1QQQQ',
    identity.toLowerCase(),
    '# nothing',
    `${identity}\n`.repeat(17),
    recipient,
  ])
    assert.throws(
      () => readIdentities(undefined, { SALLYPORT_AGE_IDENTITY: text }),
      (error) => unreadable(error) && !inspect(error).includes('hunter2'),
      text,
    )
  assert.throws(() => readIdentities(join(file, '..', 'none'), {}), unreadable)
})

test('a configuration holds encrypted values: they are followed, and never shown', async () => {
  const value = formatAgeValue(await encryptAge(Buffer.from(`Bearer ${canary}`), [recipient]))
  const armored = formatArmor(await encryptAge(Buffer.from(canary), [recipient])).replaceAll('\n', '\n    ')
  const file = await write(
    `agents: [{ name: a, url: "http://127.0.0.1:9", credential: { value: "${value}" } }]\nadmin:\n  token: |-\n    age:\n    ${armored.trimEnd()}\n`,
  )
  const config = await loaded(file)
  const [agent] = config.config.agents
  assert.equal(config.secrets.resolve(agent?.credential?.value ?? '').text(), `Bearer ${canary}`)
  assert.equal(config.secrets.resolve(config.config.admin.token ?? '').text(), canary)
  const shown = [
    inspect(config, { depth: Infinity, showHidden: true }),
    JSON.stringify(config),
    formatEffective(effectiveConfig(config, { withDefaults: true })),
  ]
  for (const text of shown) assert.ok(!text.includes(canary))
  // the digest is over what is in the file
  const again = await loaded(file)
  assert.equal(buildSnapshot(again.config).digest, buildSnapshot(config.config).digest)
})

test('an encrypted value that cannot be decrypted, or is of no use, is a problem with its place', async () => {
  const value = formatAgeValue(await encryptAge(Buffer.from(`two\n${canary}`), [recipient]))
  const yaml = (text: string): string =>
    `admin: { listen: "127.0.0.1:0" }\nagents: [{ name: a, url: "http://127.0.0.1:9", credential: { value: "${text}" } }]\n`
  const cases: [string, Record<string, string>][] = [
    [value, { SALLYPORT_AGE_IDENTITY: identity }],
    [value, { SALLYPORT_AGE_IDENTITY: await generateX25519Identity() }],
    [value, { SALLYPORT_AGE_IDENTITY: 'hunter2' }],
    [value, {}],
    ['age:AAAA', { SALLYPORT_AGE_IDENTITY: identity }],
    ['age:', { SALLYPORT_AGE_IDENTITY: identity }],
    [`${value.slice(0, -8)}AAAAAAA=`, { SALLYPORT_AGE_IDENTITY: identity }],
  ]
  for (const [text, env] of cases) {
    const result = await load(await write(yaml(text)), env)
    assert.ok(!result.ok)
    assert.equal(result.problems.length, 1, JSON.stringify(result.problems))
    assert.equal(result.problems[0]?.path, 'agents[0].credential.value')
    assert.equal(result.problems[0].line, 2)
    assert.ok(!JSON.stringify(result).includes(canary) && !JSON.stringify(result).includes('hunter2'))
    assert.ok(!JSON.stringify(result).includes(value.slice(0, 60)))
  }
})

test('an encrypted value elsewhere than where a secret may stand is what it says, text', async () => {
  const value = formatAgeValue(await encryptAge(Buffer.from('x'), [recipient]))
  const result = await load(await write(`gateway: { listen: "${value}" }\n`))
  assert.ok(!result.ok)
})

test('a whole file may be encrypted, and is read into memory only', async () => {
  const yaml = Buffer.from('dataDir: ./elsewhere\n')
  for (const content of [
    await encryptAge(yaml, [recipient]),
    Buffer.from(formatArmor(await encryptAge(yaml, [recipient]))),
  ]) {
    const config = await loaded(await write(content, 'sallyport.yaml.age'))
    assert.equal(config.config.dataDir, './elsewhere')
  }
  const result = await load(await write(await encryptAge(yaml, [recipient])), {})
  assert.ok(!result.ok)
  assert.equal(result.problems.length, 1)
})

/** Vectors of the public test kit (C2SP CCTV) that succeed there and are refused here, with the reason. */
const stricter: Readonly<Record<string, string>> = {
  armor_scrypt: 'a passphrase costs as much work as the file says',
  scrypt: 'the same',
  hybrid_grease: 'a stanza of a kind that nobody here knows',
  x25519_grease: 'the same',
  stanza_empty_body: 'the same',
  stanza_empty_last_line: 'the same',
  stanza_valid_characters: 'the same',
  stream_257_chunks: 'larger than a configuration may be',
  stream_257_chunks_full: 'the same',
  stream_258_chunks: 'the same',
}

test('public vectors: what must fail fails, and what decrypts here is what was encrypted', async () => {
  const refused: string[] = []
  let decrypted = 0
  for (const [name, bytes] of Object.entries(vectors)) {
    const vector = parseVector(Buffer.from(bytes))
    const outcome = await openVector(vector).catch((error: unknown) => {
      assert.ok(unreadable(error), `${name}: ${inspect(error)}`)
      return undefined
    })
    if (vector.expect !== 'success') {
      assert.equal(outcome, undefined, `${name} must fail`)
      continue
    }
    if (outcome === undefined) {
      refused.push(name)
      continue
    }
    assert.equal(createHash('sha256').update(outcome.bytes()).digest('hex'), vector.payload, name)
    decrypted += 1
  }
  assert.deepEqual(refused.sort(), Object.keys(stricter).sort())
  assert.equal(decrypted, 16)
})

interface Vector {
  readonly expect: string
  readonly payload: string
  readonly identities: readonly string[]
  readonly body: Buffer
}

function parseVector(bytes: Buffer): Vector {
  const end = bytes.indexOf('\n\n')
  const lines = bytes
    .toString('latin1', 0, end)
    .split('\n')
    .map((line): [string, string] => {
      const colon = line.indexOf(': ')
      return [line.slice(0, colon), line.slice(colon + 2)]
    })
  const all = (key: string): string[] => lines.filter(([name]) => name === key).map(([, value]) => value)
  const body = bytes.subarray(end + 2)
  return {
    expect: all('expect')[0] ?? '',
    payload: all('payload')[0] ?? '',
    identities: all('identity'),
    body: all('compressed')[0] === 'zlib' ? inflateSync(body) : body,
  }
}

async function openVector({ identities: texts, body }: Vector): Promise<Secret> {
  const encrypted = decodeAgeFile(body)
  if (encrypted === undefined) throw new Fault('KEY_UNREADABLE', 'not encrypted')
  return await decryptAge(
    encrypted,
    texts.map((text) => Secret.ofText(text)),
  )
}
