// An API server for tests, on loopback: TokenReview, SubjectAccessReview by real RBAC objects, list and watch with the
// semantics of the real one, Status objects on every error. It authenticates and authorizes whoever asks it, the
// gateway included. Every exchange is kept as exact JSON and can be replayed; every body, in and out, is held to the
// API types. What it is not: admission, defaulting, writes over HTTP, and server-side caches of reviews.

import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { decideByRbac, type AccessAnswer, type AccessQuestion, type RbacObject } from './kubernetes-rbac.ts'
import { findTypeProblems, isRecord, readPublicDefinitions, readReducedDefinitions } from './kubernetes-schema.ts'
import { createStore, type Store, type StoredEvent, type StoredObject } from './kubernetes-store.ts'
import { createTokenAuthority, type TokenAuthority, type UserInfo } from './kubernetes-tokens.ts'

export interface RecordedExchange {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly status: number
  readonly answer: string
}

export interface FakeApiOptions {
  readonly issuer?: string
  readonly nowMs?: () => number
  readonly tls?: boolean
}

type Interference = (
  request: { method: string; path: string; body: string },
  response: ServerResponse,
  incoming: IncomingMessage,
) => boolean

export interface FakeApi {
  readonly url: string
  readonly store: Store
  readonly tokens: TokenAuthority
  /** by which the gateway proves itself: an account with the role system:auth-delegator */
  readonly gatewayToken: string
  readonly exchanges: RecordedExchange[]
  /** what was not of its API type, in requests and in answers */
  readonly problems: string[]
  /** true when it has answered by itself, or never will */
  interfere: Interference | undefined
  tokenReviews: number
  accessReviews: number
  openWatches: number
  /** a pod that runs as an account, and a token projected into it */
  runPod(pod: { namespace: string; name: string; account: string; audience: string; lifeSeconds?: number }): {
    uid: string
    token: string
  }
  deletePod(namespace: string, name: string): void
  applyRbac(object: object): void
  removeRbac(kind: string, name: string, namespace?: string): void
  /** sends a bookmark into every watch that allows them */
  bookmark(): void
  /** sends a line into every watch, as it stands */
  say(line: string): void
  /** ends every watch in good form, as at its timeout */
  endWatches(): void
  /** breaks every connection */
  breakConnections(): void
  close(): Promise<void>
}

const rbacGroup = 'rbac.authorization.k8s.io/v1'
const collections: Readonly<Record<string, string>> = {
  Role: `/apis/${rbacGroup}/roles`,
  ClusterRole: `/apis/${rbacGroup}/clusterroles`,
  RoleBinding: `/apis/${rbacGroup}/rolebindings`,
  ClusterRoleBinding: `/apis/${rbacGroup}/clusterrolebindings`,
}
const apiAudience = 'https://kubernetes.default.svc'
const pods = '/api/v1/pods'

interface Watch {
  readonly collection: string
  readonly namespace: string | undefined
  readonly bookmarks: boolean
  readonly isWanted: (object: StoredObject) => boolean
  readonly response: ServerResponse
}

export async function startFakeApi(options: FakeApiOptions = {}): Promise<FakeApi> {
  const nowMs = options.nowMs ?? Date.now
  const store = createStore()
  const tokens = createTokenAuthority({
    issuer: options.issuer ?? 'https://kubernetes.default.svc.cluster.local',
    nowMs,
    podUid: (namespace, name) => store.find(pods, name, namespace)?.metadata.uid,
  })
  const definitions = readPublicDefinitions() ?? readReducedDefinitions()
  const watches = new Set<Watch>()
  const exchanges: RecordedExchange[] = []
  const problems: string[] = []
  const checkType = (where: string, value: unknown): void => {
    problems.push(...findTypeProblems(definitions, value).map((problem) => `${where}: ${problem}`))
  }
  const apply = (collection: string, object: object): StoredObject => {
    checkType('applied', object)
    return store.apply(collection, object as StoredObject)
  }
  const rbac = (): readonly RbacObject[] => store.all().filter(({ apiVersion }) => apiVersion === rbacGroup)
  const decide = (question: AccessQuestion): AccessAnswer => decideByRbac(rbac(), question)

  store.onEvent((event) => {
    for (const watch of watches) tell(watch, event)
  })
  const tell = (watch: Watch, { collection, object, type }: StoredEvent): void => {
    if (collection !== watch.collection || !watch.isWanted(object)) return
    if (watch.namespace !== undefined && object.metadata.namespace !== watch.namespace) return
    watch.response.write(`${JSON.stringify({ type, object })}\n`)
  }

  const answer = (exchange: Exchange, status: number, value: unknown, headers: Record<string, string> = {}): void => {
    checkType(`answer to ${exchange.path}`, value)
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    exchanges.push({ method: exchange.method, path: exchange.path, body: exchange.body, status, answer: text })
    exchange.response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
  }
  const fail = (
    exchange: Exchange,
    code: number,
    reason: string,
    message: string,
    headers: Record<string, string> = {},
  ): void => answer(exchange, code, statusObject(code, reason, message), headers)

  const serve = (exchange: Exchange): void => {
    const user = whoAsks(exchange.incoming)
    if (user === undefined) return fail(exchange, 401, 'Unauthorized', 'Unauthorized')
    const target = parsePath(exchange.path)
    if (target === undefined) return serveOther(exchange, user)
    const verb = exchange.method === 'POST' ? 'create' : target.query.get('watch') === 'true' ? 'watch' : 'list'
    const { group, resource, namespace } = target
    const question = {
      user: user.username,
      groups: user.groups,
      verb,
      group,
      resource,
      ...(namespace && { namespace }),
    }
    if (!decide(question).allowed)
      return fail(
        exchange,
        403,
        'Forbidden',
        `${resource}.${group} is forbidden: User "${user.username}" cannot ${verb} it`,
      )
    if (exchange.method === 'POST') return serveReview(exchange, target.collection)
    return verb === 'watch' ? serveWatch(exchange, target) : serveList(exchange, target)
  }
  const serveOther = (exchange: Exchange, user: UserInfo): void => {
    if (exchange.path !== '/openid/v1/jwks')
      return fail(exchange, 404, 'NotFound', 'the server could not find the requested resource')
    if (!decide({ user: user.username, groups: user.groups, verb: 'get', path: exchange.path }).allowed)
      return fail(exchange, 403, 'Forbidden', 'forbidden')
    answer(exchange, 200, tokens.jwks(), { 'content-type': 'application/jwk-set+json' })
  }
  const whoAsks = (incoming: IncomingMessage): UserInfo | undefined => {
    const token = /^Bearer (.+)$/.exec(incoming.headers.authorization ?? '')?.[1]
    const examined = token === undefined ? 'none' : tokens.examine(token)
    return typeof examined === 'object' && examined.audiences.includes(apiAudience) ? examined.user : undefined
  }

  const serveReview = (exchange: Exchange, collection: string): void => {
    let asked: unknown
    try {
      asked = JSON.parse(exchange.body)
    } catch {
      return fail(exchange, 400, 'BadRequest', 'the object provided is unrecognized')
    }
    checkType(`request to ${exchange.path}`, asked)
    if (!isRecord(asked) || !isRecord(asked['spec'])) return fail(exchange, 400, 'BadRequest', 'no spec')
    const { spec } = asked
    if (collection.endsWith('/tokenreviews') && asked['kind'] === 'TokenReview') {
      fake.tokenReviews += 1
      return answer(exchange, 201, { ...asked, status: reviewToken(spec) })
    }
    if (collection.endsWith('/subjectaccessreviews') && asked['kind'] === 'SubjectAccessReview') {
      fake.accessReviews += 1
      const status = reviewAccess(spec)
      return typeof status === 'string'
        ? fail(exchange, 422, 'Invalid', status)
        : answer(exchange, 201, { ...asked, status })
    }
    return fail(exchange, 405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
  }
  const reviewToken = (spec: Record<string, unknown>): object => {
    const asked = Array.isArray(spec['audiences']) ? spec['audiences'].map(String) : []
    const examined = tokens.examine(String(spec['token']))
    if (typeof examined === 'string') return { user: {}, error: `[invalid bearer token, ${examined}]` }
    const wanted = asked.length === 0 ? [apiAudience] : asked
    const audiences = wanted.filter((audience) => examined.audiences.includes(audience))
    if (audiences.length === 0) {
      const error = `token audiences ${JSON.stringify(examined.audiences)} is invalid for the target audiences ${JSON.stringify(wanted)}`
      return { user: {}, error: `[invalid bearer token, ${error}]` }
    }
    return { authenticated: true, user: examined.user, audiences: asked.length === 0 ? [] : audiences }
  }
  const reviewAccess = (spec: Record<string, unknown>): AccessAnswer | string => {
    const { user, groups, resourceAttributes: resource, nonResourceAttributes: path } = spec
    if (isRecord(resource) === isRecord(path))
      return 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
    if (typeof user !== 'string' && !Array.isArray(groups)) return 'at least one of user or group must be specified'
    const who = { user: typeof user === 'string' ? user : '', groups: Array.isArray(groups) ? groups.map(String) : [] }
    const attributes = (isRecord(resource) ? resource : path) as Readonly<Record<string, string>>
    return decide({ ...who, ...attributes, verb: attributes['verb'] ?? '' })
  }

  const serveList = (exchange: Exchange, target: Target): void => {
    const { query } = target
    const limit = Number(query.get('limit') ?? 0)
    const page = store.list(
      target.collection,
      target.namespace,
      limit,
      query.get('continue') ?? undefined,
      selector(query),
    )
    if (page === 'gone')
      return fail(
        exchange,
        410,
        'Expired',
        'The provided continue parameter is too old to display a consistent list result.',
      )
    const kind = page.objects[0]?.kind ?? target.resource
    const metadata = {
      resourceVersion: String(page.version),
      ...(page.next !== undefined && { continue: page.next, remainingItemCount: page.remaining }),
    }
    answer(exchange, 200, { kind: `${kind}List`, apiVersion: target.apiVersion, metadata, items: page.objects })
  }
  const serveWatch = (exchange: Exchange, target: Target): void => {
    const { query } = target
    const from = query.get('resourceVersion') ?? '0'
    const events = store.since(Number(from))
    const { response } = exchange
    exchanges.push({ method: exchange.method, path: exchange.path, body: '', status: 200, answer: '' })
    response.writeHead(200, { 'content-type': 'application/json' })
    // the head goes out at once, as it does there
    response.flushHeaders()
    if (events === 'gone') {
      const object = statusObject(410, 'Expired', `too old resource version: ${from} (${store.version})`)
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`)
      return
    }
    const { collection, namespace } = target
    const bookmarks = query.get('allowWatchBookmarks') === 'true'
    const watch: Watch = { collection, namespace, bookmarks, isWanted: selector(query), response }
    for (const event of events) tell(watch, event)
    watches.add(watch)
    fake.openWatches = watches.size
    const seconds = Number(query.get('timeoutSeconds') ?? 1_800)
    const timer = setTimeout(() => response.end(), seconds * 1_000)
    response.on('close', () => {
      clearTimeout(timer)
      watches.delete(watch)
      fake.openWatches = watches.size
    })
  }

  const listener: RequestListener = (incoming, response) => {
    let body = ''
    incoming.setEncoding('utf8').on('data', (text: string) => (body += text))
    incoming.on('end', () => {
      const exchange = { method: incoming.method ?? '', path: incoming.url ?? '', body, incoming, response }
      if (fake.interfere?.(exchange, response, incoming) !== true) serve(exchange)
    })
  }
  const { server, url } = await listen(listener, options.tls === true)
  const fake: FakeApi = {
    url,
    store,
    tokens,
    gatewayToken: tokens.issue({
      namespace: 'sallyport',
      account: 'sallyport',
      audiences: [apiAudience],
      lifeSeconds: 86_400,
    }),
    exchanges,
    problems,
    interfere: undefined,
    tokenReviews: 0,
    accessReviews: 0,
    openWatches: 0,
    runPod({ namespace, name, account, audience, lifeSeconds }) {
      const spec = {
        serviceAccountName: account,
        nodeName: 'node-1',
        containers: [{ name: 'main', image: 'agent@sha256:0' }],
      }
      const pod = apply(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec })
      const uid = pod.metadata.uid ?? ''
      const token = tokens.issue({
        namespace,
        account,
        audiences: [audience],
        pod: { name, uid },
        node: { name: 'node-1', uid: 'node-uid-1' },
        ...(lifeSeconds !== undefined && { lifeSeconds }),
      })
      return { uid, token }
    },
    deletePod: (namespace, name) => store.remove(pods, name, namespace),
    applyRbac(object) {
      const { kind } = object as RbacObject
      apply(collections[kind] ?? '', { apiVersion: rbacGroup, ...object })
    },
    removeRbac: (kind, name, namespace) => store.remove(collections[kind] ?? '', name, namespace),
    bookmark() {
      for (const { response, bookmarks } of watches) {
        const object = { kind: 'Pod', apiVersion: 'v1', metadata: { resourceVersion: String(store.version) } }
        if (bookmarks) response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
      }
    },
    say: (line) => watches.forEach(({ response }) => void response.write(line)),
    endWatches: () => watches.forEach(({ response }) => void response.end()),
    breakConnections: () => server.closeAllConnections(),
    close: () => close(server),
  }
  const delegator = [
    { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
    { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
  ]
  fake.applyRbac({ kind: 'ClusterRole', metadata: { name: 'system:auth-delegator' }, rules: delegator })
  fake.applyRbac({
    kind: 'ClusterRoleBinding',
    metadata: { name: 'sallyport' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:auth-delegator' },
    subjects: [{ kind: 'ServiceAccount', name: 'sallyport', namespace: 'sallyport' }],
  })
  return fake
}

interface Exchange {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
}

interface Target {
  readonly group: string
  readonly apiVersion: string
  readonly resource: string
  readonly namespace: string | undefined
  /** without the namespace */
  readonly collection: string
  readonly query: URLSearchParams
}

function parsePath(path: string): Target | undefined {
  const { pathname, searchParams } = new URL(path, 'http://api')
  const match = /^\/(?:api|apis\/([^/]+))\/(v[^/]+)\/(?:namespaces\/([^/]+)\/)?([^/]+)$/.exec(pathname)
  if (match === null) return undefined
  const [, group = '', version = '', namespace, resource = ''] = match
  const apiVersion = group === '' ? version : `${group}/${version}`
  const collection = `/${group === '' ? 'api' : 'apis'}/${apiVersion}/${resource}`
  return { group, apiVersion, resource, namespace, collection, query: searchParams }
}

/** Equality only: `a=b`, `a==b`, `a!=b`, joined by commas; fields are the name and the namespace. */
function selector(query: URLSearchParams): (object: StoredObject) => boolean {
  const parse = (text: string | null): [string, boolean, string][] =>
    (text ?? '')
      .split(',')
      .filter((part) => part !== '')
      .map((part) => {
        const [, name = '', operator = '', value = ''] = /^([^=!]+)(=|==|!=)(.*)$/.exec(part) ?? []
        return [name, operator !== '!=', value]
      })
  const labels = parse(query.get('labelSelector'))
  const fields = parse(query.get('fieldSelector'))
  return ({ metadata }) =>
    labels.every(([name, isWanted, value]) => (metadata.labels?.[name] === value) === isWanted) &&
    fields.every(([name, isWanted, value]) => {
      const field = name === 'metadata.name' ? metadata.name : metadata.namespace
      return (field === value) === isWanted
    })
}

export function statusObject(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }
}

async function listen(listener: RequestListener, isTls: boolean): Promise<{ server: Server; url: string }> {
  const fixtures = join(import.meta.dirname, '../fixtures/tls')
  const server = isTls
    ? createTlsServer(
        { cert: readFileSync(join(fixtures, 'server.crt')), key: readFileSync(join(fixtures, 'server.key')) },
        listener,
      )
    : createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { server, url: isTls ? `https://localhost:${port}` : `http://127.0.0.1:${port}` }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/** Serves recorded exchanges byte for byte, each once and in order; anything else is an error that `missed` names. */
export async function replayExchanges(
  recorded: readonly RecordedExchange[],
): Promise<{ url: string; missed: string[]; close(): Promise<void> }> {
  const left = [...recorded]
  const missed: string[] = []
  const { server, url } = await listen((incoming, response) => {
    let body = ''
    incoming.setEncoding('utf8').on('data', (text: string) => (body += text))
    incoming.on('end', () => {
      const next = left.shift()
      if (next === undefined || next.method !== incoming.method || next.path !== incoming.url || next.body !== body) {
        missed.push(`${incoming.method} ${incoming.url} ${body}`)
        response.writeHead(500).end()
      } else response.writeHead(next.status, { 'content-type': 'application/json' }).end(next.answer)
    })
  }, false)
  return { url, missed, close: () => close(server) }
}
