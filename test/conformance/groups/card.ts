// The agent's card: for anyone, and true.

import assert from 'node:assert/strict'
import { exchange, type HttpAnswer } from '../clients/http.ts'
import { jsonRpcRequest, readJsonRpc } from '../clients/json-rpc.ts'
import type { Face } from '../faces.ts'
import { readAddresses } from '../sides.ts'
import type { AgentKind, ConformanceTest, Subject } from '../subject.ts'
import { unknownId } from '../subject.ts'
import { objectOf, type JsonObject } from '../wire/dialect.ts'

// a card is the same for all bindings of a version: its tests stand in one column of each
const once = ({ binding }: Face): boolean => binding === 'JSONRPC'

const claims: Readonly<Record<AgentKind, JsonObject>> = {
  full: { streaming: true, pushNotifications: true, extendedAgentCard: true },
  bare: { streaming: false, pushNotifications: false, extendedAgentCard: false },
  strict: { streaming: true, pushNotifications: true, extendedAgentCard: true },
}

export const cardTests: readonly ConformanceTest[] = [
  {
    id: 'card.public',
    section: '§8.2',
    sentence: 'shows its card at the well-known path to anyone',
    where: once,
    async run(subject) {
      const { status, headers } = await fetchCard(subject)
      assert.equal(status, 200)
      assert.match(headers['content-type'] ?? '', /^application\/json\b/)
    },
  },
  {
    id: 'card.face',
    section: '§5.6, §8.3',
    sentence: 'says in its card where it can be called in this binding and version',
    async run(subject) {
      const addresses = await readAddresses(subject.cardUrl, {})
      const found = addresses.filter(({ face }) => face.binding === subject.binding && face.version === subject.version)
      assert.equal(found.length, 1)
    },
  },
  {
    id: 'card.fields',
    section: '§4.4.1',
    sentence: 'has in its card what a card must have',
    where: once,
    async run(subject) {
      const { json } = await fetchCard(subject)
      const endpoints =
        subject.version === '1.0' ? ['supportedInterfaces'] : ['url', 'preferredTransport', 'protocolVersion']
      const fields = [
        'name',
        'description',
        'version',
        'capabilities',
        'defaultInputModes',
        'defaultOutputModes',
        'skills',
      ]
      for (const field of [...endpoints, ...fields]) assert.ok(field in json, `the card has no ${field}`)
    },
  },
  ...(['full', 'bare'] as const).map((agent): ConformanceTest => ({
    id: `card.capabilities-${agent}`,
    section: '§4.4.3',
    sentence: agent === 'full' ? 'claims what it can do' : 'claims nothing that it cannot do',
    agent,
    where: (face) => once(face) && face.version === '1.0',
    async run(subject) {
      const { capabilities } = (await fetchCard(subject)).json
      const said = objectOf(capabilities, 'capabilities')
      for (const [name, claim] of Object.entries(claims[agent])) assert.equal(said[name] ?? false, claim, name)
    },
  })),
  {
    id: 'card.extension',
    section: '§4.4.4',
    sentence: 'names in its card the extension that it requires',
    agent: 'strict',
    where: once,
    async run(subject) {
      const { capabilities } = (await fetchCard(subject)).json
      const extensions = (objectOf(capabilities, 'capabilities')['extensions'] ?? []) as JsonObject[]
      const required = extensions.filter((each) => each['required'] === true).map((each) => each['uri'])
      assert.deepEqual(required, ['urn:a2a:tck:required-extension'])
    },
  },
  {
    id: 'card.skills',
    section: '§4.4.5',
    sentence: 'names its skills in its card',
    where: once,
    async run(subject) {
      const { skills } = (await fetchCard(subject)).json
      assert.deepEqual(
        (skills as JsonObject[]).map(({ id }) => id),
        ['conformance'],
      )
    },
  },
  {
    id: 'card.cache',
    section: '§8.6',
    sentence: 'says how long its card may be kept, and knows it again',
    where: once,
    async run(subject) {
      const { headers } = await fetchCard(subject)
      assert.match(headers['cache-control'] ?? '', /max-age=\d+/)
      const { status } = await fetchCard(subject, { 'if-none-match': headers['etag'] ?? '' })
      assert.equal(status, 304)
    },
  },
  {
    id: 'card.slash',
    section: '§9.1',
    sentence: 'takes calls at the address in its card with a slash behind it',
    where: once,
    async run(subject) {
      const { client, version } = subject
      const method = version === '1.0' ? 'GetTask' : 'tasks/get'
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { id: unknownId() } })
      const request = jsonRpcRequest(client.address, body)
      const url = `${request.url.replace(/\/$/, '')}/`
      const { failure } = readJsonRpc(await exchange({ ...request, url }), (result) => result)
      assert.equal(failure?.code, -32001)
    },
  },
]

function fetchCard({ cardUrl, version }: Subject, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
  return exchange({ method: 'GET', url: cardUrl, headers: { 'a2a-version': version, ...headers } })
}
