// What an agent may hand to callers: of which media types, and how much. A page with a script in it, in a client that
// shows what it is given, is an attack by the agent on whoever calls it; so is an artifact without end. Judged in the
// canonical form, before ownership, in answers and in each event; over a stream the sizes add up. What an agent says
// of a part's type is its word: nothing here looks into the bytes. docs/artifacts.md.

import type { Operation } from '../a2a/operations.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { AgentConfig } from '../config/config.ts'
import type { Admitted } from '../exchange/exchange.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'

type ArtifactRules = NonNullable<AgentConfig['artifacts']>

/** Bytes of artifacts that a stream has brought so far. */
const brought: WeakMap<Admitted, number> = new WeakMap()

/** `value` is a result or an event that has its shape. */
export function checkArtifacts(admitted: Admitted, value: JsonValue): Refusal | undefined {
  const rules = admitted.agent.artifacts
  if (rules === undefined || !isJsonObject(value)) return undefined
  const found = findParts(admitted.operation, value)
  for (const part of [...found.artifacts.flatMap(partsOf), ...found.messages]) {
    if (rules.mediaTypes === undefined) break
    const { mediaTypes } = rules
    const refused = typesOf(part).find((type) => !isAllowed(type, mediaTypes))
    if (refused !== undefined)
      return refuse('RELEASE_ARTIFACT', `a part of the type ${JSON.stringify(refused.slice(0, 100))}`)
  }
  if (rules.size === undefined) return undefined
  const bytes = found.artifacts.reduce((sum, artifact) => sum + sizeOf(artifact), brought.get(admitted) ?? 0)
  if (bytes > rules.size) return refuse('RELEASE_ARTIFACT', `${bytes} bytes of artifacts`)
  if (found.artifacts.length > 0) brought.set(admitted, bytes)
  return undefined
}

interface Parts {
  readonly artifacts: readonly JsonObject[]
  /** parts of the agent's messages; what a history says the caller wrote is not the agent's to answer for */
  readonly messages: readonly JsonObject[]
}

function findParts(operation: Operation, value: JsonObject): Parts {
  switch (operation) {
    case 'SendMessage':
    case 'SendStreamingMessage':
    case 'SubscribeToTask':
      return partsOfEvent(value)
    case 'GetTask':
    case 'CancelTask':
      return partsOfTask(value)
    default:
      return { artifacts: [], messages: [] }
  }
}

function partsOfEvent({ task, message, statusUpdate, artifactUpdate }: JsonObject): Parts {
  if (isJsonObject(task)) return partsOfTask(task)
  const artifacts = isJsonObject(artifactUpdate) ? [artifactUpdate['artifact']].filter(isJsonObject) : []
  const status = isJsonObject(statusUpdate) ? statusUpdate['status'] : undefined
  return { artifacts, messages: [...partsOf(message), ...partsOfStatus(status)] }
}

function partsOfTask({ artifacts, status, history }: JsonObject): Parts {
  return {
    artifacts: listOf(artifacts).filter(isJsonObject),
    messages: [...partsOfStatus(status), ...listOf(history).filter(isAgents).flatMap(partsOf)],
  }
}

const partsOfStatus = (status: JsonValue | undefined): JsonObject[] =>
  isJsonObject(status) ? partsOf(status['message']) : []

const isAgents = (message: JsonValue): boolean => !isJsonObject(message) || message['role'] !== 'ROLE_USER'

const partsOf = (holder: JsonValue | undefined): JsonObject[] =>
  isJsonObject(holder) ? listOf(holder['parts']).filter(isJsonObject) : []

const listOf = (value: JsonValue | undefined): JsonValue[] => (Array.isArray(value) ? value : [])

/**
 * Without parameters, lower case. Text and data have a type also where the agent gives none; a file has not. By the name
 * that 0.3 had for it some clients still look, and to 1.0 it is a member that nobody defined: both must be allowed.
 */
function typesOf({ mediaType, mimeType, ...part }: JsonObject): string[] {
  const said = [mediaType, mimeType].filter((type): type is string => typeof type === 'string' && type !== '')
  if (said.length > 0) return said.map((type) => (type.split(';')[0] ?? '').trim().toLowerCase())
  if (Object.hasOwn(part, 'text')) return ['text/plain']
  return [Object.hasOwn(part, 'data') ? 'application/json' : 'application/octet-stream']
}

function isAllowed(type: string, patterns: NonNullable<ArtifactRules['mediaTypes']>): boolean {
  // what is no media type matches no pattern, `*/*` among them
  if (!/^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/.test(type)) return false
  return patterns.some(
    (pattern) =>
      pattern === '*/*' || pattern === type || (pattern.endsWith('/*') && type.startsWith(pattern.slice(0, -1))),
  )
}

/** What its parts hold, and whatever else an agent has put into it: a name or metadata can be as large as a file. */
function sizeOf(artifact: JsonObject): number {
  const { artifactId: _id, parts: _parts, ...beside } = artifact
  return partsOf(artifact).reduce((sum, part) => sum + sizeOfPart(part), sizeOfMembers(beside))
}

function sizeOfPart({ text, raw, url, data, ...beside }: JsonObject): number {
  return sizeOfContent({ text, raw, url, data }) + sizeOfMembers(beside)
}

type Content = { readonly [Kind in 'text' | 'raw' | 'url' | 'data']: JsonValue | undefined }

function sizeOfContent({ text, raw, url, data }: Content): number {
  if (typeof text === 'string') return Buffer.byteLength(text)
  if (typeof raw === 'string') return Buffer.byteLength(raw, 'base64')
  if (typeof url === 'string') return Buffer.byteLength(url)
  return data === undefined ? 0 : sizeOfJson(data)
}

const sizeOfMembers = (members: JsonObject): number =>
  Object.entries(members).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + sizeOfJson(value), 0)

const sizeOfJson = (value: JsonValue): number => Buffer.byteLength(JSON.stringify(value))
