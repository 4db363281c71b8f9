// The two sides of the comparison: the conformance agents themselves, and the same agents behind the gateway. On both
// everything is found by the agents' cards, as a client of either would find it.

import type { Address } from './clients/client.ts'
import { exchange } from './clients/http.ts'
import type { RunningAgent } from './agents.ts'
import { faces, nameOf, type Face } from './faces.ts'
import type { Side } from './run.ts'
import type { AgentKind, Webhooks } from './subject.ts'
import { listOf, objectOf, textIn, type JsonObject } from './wire/dialect.ts'

export async function directSide(agents: readonly RunningAgent[], webhooks: Webhooks): Promise<Side> {
  const found = await Promise.all(
    agents.map(async ({ kind, card }) => [kind, { cardUrl: card, addresses: await readAddresses(card, {}) }] as const),
  )
  return { name: 'direct', webhooks, agent: finder(found) }
}

type Found = ReturnType<Side['agent']>

export function finder(found: readonly (readonly [AgentKind, Found])[]): Side['agent'] {
  return (kind) => {
    const agent = found.find(([each]) => each === kind)?.[1]
    if (agent === undefined) throw new Error(`there is no ${kind} agent`)
    return agent
  }
}

/** Where an agent answers in which face: the first of each in its cards of 1.0 and 0.3. */
export async function readAddresses(cardUrl: string, headers: Readonly<Record<string, string>>): Promise<Address[]> {
  const card = async (version: string): Promise<JsonObject> =>
    (await exchange({ method: 'GET', url: cardUrl, headers: { 'a2a-version': version } })).json
  const offered = [...interfacesOf(await card('1.0')), ...legacyInterfacesOf(await card('0.3'))]
  return faces.flatMap((face) => {
    const first = offered.find((each) => nameOf(each.face) === nameOf(face))
    return first === undefined ? [] : [{ ...first, headers }]
  })
}

type Offer = Omit<Address, 'headers'>

function interfacesOf(card: JsonObject): Offer[] {
  return listOf(card['supportedInterfaces'], 'interfaces').flatMap((value) => {
    const each = objectOf(value, 'an interface')
    const face = faceOf(textIn(each, 'protocolBinding'), textIn(each, 'protocolVersion'))
    return face === undefined ? [] : [{ face, url: textIn(each, 'url'), tenant: textIn(each, 'tenant') }]
  })
}

/** A card of 0.3: one endpoint with its transport, and others beside it. */
function legacyInterfacesOf(card: JsonObject): Offer[] {
  if (!textIn(card, 'protocolVersion').startsWith('0.3')) return []
  const others = listOf(card['additionalInterfaces'], 'interfaces').map((each) => objectOf(each, 'an interface'))
  const main = { url: textIn(card, 'url'), transport: textIn(card, 'preferredTransport') }
  return [main, ...others].flatMap((each) => {
    const face = faceOf(textIn(each, 'transport'), '0.3')
    return face === undefined ? [] : [{ face, url: textIn(each, 'url'), tenant: '' }]
  })
}

function faceOf(binding: string, version: string): Face | undefined {
  return faces.find((face) => face.binding === binding && face.version === version)
}
