// The pieces of docs/verify-assertions.md, as they stand there, run against a gateway's key set: each must accept what
// the gateway signs for this agent, and refuse everything else. Python and Go need packages from the network, so
// they run in continuous integration; TypeScript runs always.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { craftToken, type TestKey } from '../fakes/identity.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'
import { needs } from '../needs.ts'
import { createAssertionSigner } from '../../src/forward/forward.ts'

const root = join(import.meta.dirname, '../..')
const document = readFileSync(join(root, 'docs/verify-assertions.md'), 'utf8')

function snippet(language: string): string {
  const found = document.split(`\`\`\`${language}\n`)
  assert.equal(found.length, 2, `one piece of ${language}`)
  return found[1]?.split('```')[0] ?? ''
}

interface Case {
  readonly name: string
  readonly token: string
  readonly isGood: boolean
}

/** A gateway's key set on loopback, and what might come with a call. */
async function startGateway(t: TestContext): Promise<{ gateway: string; cases: Case[] }> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer = createAssertionSigner(pair.privateKey)
  const own: TestKey = { kid: signer.kid, alg: 'ES256', ...pair }
  const foreign: TestKey = { kid: signer.kid, alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
  const receipts = { ...generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), kid: 'log', use: 'sig' }
  const keys = JSON.stringify({ keys: [...signer.jwks().keys, { ...receipts, alg: 'Ed25519' }] })
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/jwk-set+json')
    response.end(keys)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const gateway = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const nowMs = Date.now()
  const request = { issuer: gateway, subject: 'user:corp/alice', groups: ['group:corp/a'], actors: ['agent:planner'] }
  const call = { audienceAgent: 'calculator', call: 'c1', operation: 'SendMessage', nowMs }
  const good = signer.mint({ ...request, ...call })
  const [, payload = ''] = good.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
  const header = { alg: 'ES256', kid: signer.kid, typ: 'sallyport-assertion+jwt' }
  const { x, y, crv, kty } = signer.jwks().keys[0] ?? {}
  const bad: Record<string, string> = {
    'another audience': signer.mint({ ...request, ...call, audienceAgent: 'vault' }),
    'audience without its kind': craftToken(header, { ...claims, aud: 'calculator' }, own),
    expired: signer.mint({ ...request, ...call, nowMs: nowMs - 120_000 }),
    'not issued yet': signer.mint({ ...request, ...call, nowMs: nowMs + 60_000 }),
    'another issuer': signer.mint({ ...request, ...call, issuer: 'https://elsewhere.example.com' }),
    'another typ': craftToken({ ...header, typ: 'JWT' }, claims, own),
    'no typ': craftToken({ alg: 'ES256', kid: signer.kid }, claims, own),
    'a token of /token': craftToken({ ...header, typ: 'sallyport-exchange+jwt' }, claims, own),
    'another key': craftToken(header, claims, foreign),
    'a key that it brings': craftToken({ ...header, kid: 'mine', jwk: { kty, crv, x, y } }, claims, foreign),
    'alg none': craftToken({ ...header, alg: 'none' }, claims),
    'alg HS256': craftToken({ ...header, alg: 'HS256' }, claims, { hmac: JSON.stringify(signer.jwks().keys[0]) }),
    'no exp': craftToken(header, { ...claims, exp: undefined }, own),
    'changed payload': good.replace(
      payload,
      Buffer.from(JSON.stringify({ ...claims, sub: 'x' })).toString('base64url'),
    ),
    nothing: '',
    'no token': 'x.y.z',
  }
  return {
    gateway,
    cases: [
      { name: 'good', token: good, isGood: true },
      ...Object.entries(bad).map(([name, token]) => ({ name, token, isGood: false })),
    ],
  }
}

/** Runs a program that reads the cases and answers with a list of what it accepted. */
async function judge(
  t: TestContext,
  make: (folder: string, input: string) => [string, string[], string],
): Promise<void> {
  const { gateway, cases } = await startGateway(t)
  const folder = temporaryFolder()
  const input = join(folder, 'cases.json')
  writeFileSync(input, JSON.stringify({ gateway, agent: 'calculator', tokens: cases.map(({ token }) => token) }))
  const [command, args, cwd] = make(folder, input)
  const { code, output, problems } = await run(command, args, cwd)
  assert.equal(code, 0, problems)
  const accepted = JSON.parse(output) as boolean[]
  assert.deepEqual(
    cases.map(({ name }, at) => [name, accepted[at]]),
    cases.map(({ name, isGood }) => [name, isGood]),
  )
}

/** Not synchronously: the key set is served from here. */
function run(
  command: string,
  args: string[],
  cwd: string,
): Promise<{ code: number | null; output: string; problems: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd })
    let [output, problems] = ['', '']
    child.stdout.on('data', (text: Buffer) => (output += String(text)))
    child.stderr.on('data', (text: Buffer) => (problems += String(text)))
    child.on('error', (error) => (problems += String(error)))
    child.on('close', (code) => resolve({ code, output, problems }))
  })
}

function must(command: string, args: string[], cwd: string): void {
  const { status, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}${String(error ?? '')}`)
}

test('TypeScript', async (t) => {
  await judge(t, (folder, input) => {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'verify.ts'), snippet('ts'))
    const main = `import { readFileSync } from 'node:fs'
import { createVerifier } from './verify.ts'
const { gateway, agent, tokens } = JSON.parse(readFileSync(${JSON.stringify(input)}, 'utf8'))
const verify = createVerifier(gateway, agent)
const accepted = []
for (const token of tokens) accepted.push(await verify(token).then(({ sub }) => sub === 'user:corp/alice', () => false))
console.log(JSON.stringify(accepted))`
    writeFileSync(join(folder, 'main.ts'), main)
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    return [process.execPath, ['main.ts'], folder]
  })
})

const isContinuous = process.env['CI'] === 'true'
const has = (command: string, ...args: string[]): boolean => isContinuous && spawnSync(command, args).status === 0

test(
  'Python',
  needs('CI=true and python3 with venv: it installs packages', has('python3', '-c', 'import venv, ensurepip')),
  async (t) => {
    await judge(t, (folder, input) => {
      must('python3', ['-m', 'venv', 'venv'], folder)
      const python = join(folder, 'venv/bin/python')
      must(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', 'PyJWT>=2.10', 'cryptography'], folder)
      writeFileSync(join(folder, 'verify.py'), snippet('python'))
      const main = `import json
from verify import create_verifier
cases = json.load(open(${JSON.stringify(input)}))
verify = create_verifier(cases["gateway"], cases["agent"])
def accepts(token):
    try:
        return verify(token)["sub"] == "user:corp/alice"
    except Exception:
        return False
print(json.dumps([accepts(token) for token in cases["tokens"]]))
`
      writeFileSync(join(folder, 'main.py'), main)
      return [python, ['main.py'], folder]
    })
  },
)

test('Go', needs('CI=true and go: it fetches modules', has('go', 'version')), async (t) => {
  await judge(t, (folder, input) => {
    const at = join(folder, 'verify')
    mkdirSync(at)
    const head = `package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

`
    const main = `
func main() {
	var cases struct{ Gateway, Agent string; Tokens []string }
	bytes, err := os.ReadFile(${JSON.stringify(input)})
	if err != nil { panic(err) }
	if err := json.Unmarshal(bytes, &cases); err != nil { panic(err) }
	verify, err := createVerifier(context.Background(), cases.Gateway, cases.Agent)
	if err != nil { panic(err) }
	accepted := []bool{}
	for _, text := range cases.Tokens {
		token, err := verify(text)
		if err != nil { accepted = append(accepted, false); continue }
		subject, _ := token.Claims.GetSubject()
		accepted = append(accepted, token.Valid && subject == "user:corp/alice")
	}
	answer, _ := json.Marshal(accepted)
	fmt.Println(string(answer))
}
`
    writeFileSync(join(at, 'main.go'), `${head}${snippet('go')}${main}`)
    must('go', ['mod', 'init', 'verify'], at)
    must('go', ['get', 'github.com/MicahParks/keyfunc/v3@v3.9.2', 'github.com/golang-jwt/jwt/v5@v5.3.1'], at)
    must('go', ['build', '-o', 'verify', '.'], at)
    return [join(at, 'verify'), [], at]
  })
})
