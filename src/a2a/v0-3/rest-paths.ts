// The REST paths of A2A 0.3 (specification §3.5.3 and the annotations of a2a.proto): those of 1.0 below /v1, without
// tenants, the extended card at /v1/card. Matched and built as strictly as paths.ts does it, by the same rules for ids.
// `GET /v1/tasks` is not there: §3.5.6 names it, but a2a.v1 defines no answer, and no server of 0.3 was found that
// gives one (that in Python answers 500, that in JavaScript 404).

import type { Operation } from '../operations.ts'
import {
  buildRestPath,
  matchSegments,
  restMethods,
  type ByMethod,
  type Collections,
  type RestMatch,
  type RestMethod,
  type RestPath,
} from '../paths.ts'

const prefix = '/v1/'
// prettier-ignore
const collections: Collections = new Map<string, ByMethod>([
  ['message:send',   { POST: 'SendMessage' }],
  ['message:stream', { POST: 'SendStreamingMessage' }],
  ['card',           { GET: 'GetExtendedAgentCard' }],
])
/** True for a path that belongs to 0.3, found or not: no tenant of 1.0 may look like it. */
export function isRestPath03(rawPath: string): boolean {
  return rawPath.startsWith(prefix)
}

/** As matchRestPath; `tenant` is always ''. */
export function matchRestPath03(method: string, rawPath: string): RestMatch {
  if (!isRestPath03(rawPath)) return 'not-found'
  return matchSegments(collections, method, rawPath.slice(prefix.length).split('/', 5), '')
}

/** The agent's path; `query` comes without '?'. Ids have come through isPathId. undefined for ListTasks. */
export function buildRestPath03(path: RestPath, query = ''): string | undefined {
  if (path.operation === 'ListTasks') return undefined
  const isCard = path.operation === 'GetExtendedAgentCard'
  return `/v1${isCard ? '/card' : buildRestPath({ ...path, tenant: '' })}${query === '' ? '' : `?${query}`}`
}

/** The HTTP method that agents of 0.3 expect. */
export function restMethod03(operation: Operation): RestMethod | undefined {
  return operation === 'ListTasks' ? undefined : restMethods[operation]
}
