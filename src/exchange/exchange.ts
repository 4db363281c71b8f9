// The types of a call's way through the walk; no behaviour. Each stage takes the type that only the stage
// before can produce, so a skipped check does not compile. A repository test allows each brand to be minted
// only in its own folder (look for `as Received`, `as Authenticated`, …).

import type { Binding, Face, Operation, ProtocolVersion } from '../a2a/operations.ts'
import type { AgentConfig, Snapshot } from '../config/config.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { JsonObject, JsonValue } from '../base/strict-json.ts'

declare const brand: unique symbol
interface Brand<Stage extends string> {
  readonly [brand]: { readonly [S in Stage]: true }
}

/** Response headers: lower-case names. */
export type HeaderRecord = Record<string, string>

/** Where the answer goes. Writes are ignored once the client is gone. */
export interface Reply {
  /** true once a status line has been sent */
  readonly begun: boolean
  readonly gone: boolean
  /** bytes of body handed to the socket so far */
  readonly bytesSent: number
  /** calls back once, when the client goes away before the answer ended; at once if it has gone already */
  onGone(callback: () => void): void
  /**
   * The whole answer. Trailers are sent on HTTP/2 alone, where gRPC asks for them; on HTTP/1 they are left out. An
   * empty body without trailers is one head that ends the stream: gRPC's Trailers-Only, with its fields in `headers`.
   */
  send(status: number, headers: HeaderRecord, body: string | Buffer, trailers?: HeaderRecord): void
  /** false while slow readers hold so much of the memory for answers that this one must be refused */
  hasRoomFor(bytes: number): boolean
  begin(status: number, headers: HeaderRecord): void
  /** returns false when the client is slower than we are: wait for `drained` */
  write(chunk: string | Buffer): boolean
  /** resolves when the client can take more, or is gone */
  drained(): Promise<void>
  /** trailers as with `send` */
  end(trailers?: HeaderRecord): void
  /** breaks the answer off, which cannot be ended honestly: on HTTP/1 the connection, on HTTP/2 this one stream */
  destroy(): void
}

/** A client certificate whose private key the client has, and whose chain was verified in the handshake. */
export interface PeerCertificate {
  readonly der: Buffer
  /** base64url SHA-256 of the DER: `x5t#S256` of RFC 8705 */
  readonly thumbprint: string
  /** why it counts no more (expired, revoked, its authority gone); undefined while it does. Asked again on open streams. */
  problem(): string | undefined
  /** whether the authorities that the configuration names for this (a trust domain, a short name) vouch for it now */
  isVouchedBy(bundle: string): boolean
}

export type Protocol = 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2'

/** Where and how an agent is called. */
export interface AgentAddress {
  readonly url: string
  readonly binding: Binding
}

/** The call's place in a trace, for whoever calls the agent (W3C Trace Context). */
export interface AgentTrace {
  /** the fields traceparent and tracestate, names and values in turn; the span of the agent's call begins with the first */
  headers(to: AgentAddress): readonly string[]
}

export interface ReceivedFields {
  /** unique id of this call; letters and digits */
  readonly call: string
  readonly protocol: Protocol
  readonly receivedAtMs: number
  /** monotonic milliseconds */
  readonly startedMs: number
  readonly snapshot: Snapshot
  readonly method: string
  /** raw, still percent-encoded, begins with '/', no query */
  readonly path: string
  /** raw, without '?' */
  readonly query: string
  /** lower case, with port if there was one */
  readonly host: string
  /** names lower case; headers that must be single are single */
  readonly headers: ReadonlyMap<string, string>
  /** the client's address, after declared proxies */
  readonly source: string
  /** set once it is known who calls; absent when the call is in no trace */
  readonly trace?: AgentTrace | undefined
  /** the client's certificate, which gateway.tls.clientCa vouches for; absent without one */
  readonly peer?: PeerCertificate | undefined
  readonly reply: Reply
  /** reads the whole body once; a refusal when too large or too slow */
  readBody(): Promise<Buffer | Refusal>
}

/** listen: a request with one unambiguous meaning. Nothing is known of the sender. */
export type Received = ReceivedFields & Brand<'received'>

/** Canonical principals are URIs: `key:ci`, `user:corp/4f1c`, `agent:planner`, `group:corp/analysts`. */
export interface Principal {
  readonly id: string
  /** canonical group ids */
  readonly groups: readonly string[]
  readonly display: string
}

/** Agents and operations that a credential is good for; undefined: all, an empty list: none. */
export interface CallerScope {
  readonly agents?: readonly string[] | undefined
  readonly operations?: readonly Operation[] | undefined
}

/** What a cluster's API server said of a service account's token, in that cluster's own words. */
export interface ClusterIdentity {
  /** short name of the cluster whose TokenReview it was */
  readonly cluster: string
  /** `system:serviceaccount:<namespace>:<name>` */
  readonly username: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

export interface Caller extends Principal {
  readonly method: 'api-key' | 'jwt' | 'introspection' | 'service-account' | 'mtls' | 'anonymous'
  /** the id of the key, or the token's issuer name: never a secret */
  readonly credential: string
  /** how the credential is bound to a key that its holder has proven; undefined: whoever has it is its caller */
  readonly senderConstrained?: 'dpop' | 'mtls' | undefined
  /** the id that the credential proved, where its holder is known by another: as an agent, or under an alias */
  readonly principal?: string | undefined
  /** what the credential narrows policy to; it never grants */
  readonly scope?: CallerScope | undefined
  /** more about the credential for the record (`jti`, `podUid`, …), never a secret */
  readonly evidence?: Readonly<Record<string, string>> | undefined
  /** only of callers for whom an API server vouched; what it says is asked of that cluster's RBAC again */
  readonly reviewed?: ClusterIdentity | undefined
  /** when the credential ends, milliseconds since the epoch; Infinity when it does not */
  readonly expiresAtMs: number
  /** throws nothing; true when the credential has been revoked since. Asked again on open streams. */
  isRevoked(): boolean
  /**
   * Only where somebody can be asked: true once whoever vouched has said no, however long nobody asked before. Asks
   * again in the background, so it may say false once more.
   */
  readonly isOver?: (() => boolean) | undefined
}

/** By what the origin proved who it is when the chain began. */
export interface OriginProof {
  /** of an API key */
  readonly keyId?: string | undefined
  /** who vouched, by short name or trust domain, and how that was configured then */
  readonly issuer?: { readonly name: string; readonly configured: string } | undefined
  /** undefined where it has no id */
  readonly token?: TokenName | undefined
  /** throws nothing; true once it is known to count no more */
  readonly isOver?: (() => boolean) | undefined
}

/** A token by what it can be revoked by. */
export interface TokenName {
  /** short name */
  readonly issuer: string
  /** `jti` */
  readonly id: string
}

/** What comes with an assertion that an agent shows: where it is from, how long it lasts, what it is good for. */
export interface Delegated {
  /** id of the call with which the agent was given it */
  readonly call: string
  /** nothing that is begun by it lasts longer, milliseconds since the epoch */
  readonly deadlineMs: number
  /** by what the origin proved who it is, so that its end ends what came of it */
  readonly originProof?: OriginProof | undefined
  /** the one agent that it is good for, by name: a token of /token */
  readonly onlyAgent?: string | undefined
}

export interface AuthenticatedFields {
  readonly caller: Caller
  /** on whose behalf the chain began; the caller itself when nobody's */
  readonly origin: Principal
  /** the agents between origin and caller, oldest first, neither end included */
  readonly chain: readonly Principal[]
  /** true when the caller is a configured agent and gave no assertion: it acts on its own account */
  readonly autonomous: boolean
  /**
   * What this call, and every call made on its behalf, is narrowed to: the scope of the caller's credential and of all
   * credentials before it in the chain; undefined when none has one.
   */
  readonly scope?: CallerScope | undefined
  /** undefined when no assertion was shown */
  readonly delegated?: Delegated | undefined
  /** throws nothing; true when nobody may act for the origin any more, or this call not. Asked again on open streams. */
  originIsRevoked(): boolean
}
export type Authenticated = Received & AuthenticatedFields & Brand<'authenticated'>

/** What the path says: an A2A operation on an agent, or discovery. */
export type Target =
  | { readonly kind: 'directory' }
  | { readonly kind: 'token' }
  | { readonly kind: 'card'; readonly agent: AgentConfig }
  | { readonly kind: 'json-rpc'; readonly agent: AgentConfig }
  | { readonly kind: 'rest'; readonly agent: AgentConfig; readonly rest: RestTarget }
  | { readonly kind: 'grpc'; readonly agent: AgentConfig; readonly grpc: GrpcTarget }

/** A matched HTTP+JSON path: identifiers are decoded once and hold no '/', control or '%' tricks. */
export interface RestTarget {
  readonly operation: Operation
  /** of A2A, whose path it is */
  readonly version: ProtocolVersion
  readonly tenant: string
  readonly taskId: string
  readonly configId: string
}

/** A method of the gRPC binding. */
export interface GrpcTarget {
  readonly operation: Operation
  readonly version: ProtocolVersion
  /** the body as it arrived, where it had to be read to find the agent; whoever reads it takes it away */
  body: Buffer | undefined
}

export type OperationTarget = Extract<Target, { agent: AgentConfig; kind: 'json-rpc' | 'rest' | 'grpc' }>

export interface RoutedFields {
  readonly target: OperationTarget
  readonly agent: AgentConfig
  readonly binding: Binding
}
/** route: an existing agent (whether this caller may know of it is authorize's to say). */
export type Routed = Authenticated & RoutedFields & Brand<'routed'>

/** What policy may know of a message: kinds and sizes, never the words. */
export interface PartFacts {
  readonly kind: 'text' | 'raw' | 'url' | 'data'
  /** bytes of the text, of the decoded raw, of the url, or of the data's JSON */
  readonly size: number
  readonly mediaType: string
  readonly filename: string
  /** host of a url part, lower case; empty otherwise */
  readonly host: string
}
export interface MessageFacts {
  readonly messageId: string
  readonly taskId: string
  readonly contextId: string
  readonly role: string
  readonly parts: readonly PartFacts[]
  readonly referenceTaskIds: readonly string[]
  readonly extensions: readonly string[]
  /** top-level keys of message.metadata */
  readonly metadataKeys: readonly string[]
}

export interface ListFilter {
  readonly contextId: string
  readonly status: string
  readonly pageSize: number
  readonly pageToken: string
  readonly historyLength: number | undefined
  /** milliseconds since the epoch; 0 when absent */
  readonly statusTimestampAfterMs: number
  readonly includeArtifacts: boolean
}

export interface ValidatedFields {
  readonly operation: Operation
  /** in which the caller speaks */
  readonly version: ProtocolVersion
  /** in which form the agent is called: the caller's own where the agent speaks that */
  readonly agentFace: Face
  /** the parameters of the operation as A2A 1.0 has them in JSON, whatever the caller's face: what was checked */
  readonly params: JsonObject
  /** the text of `params`, where numbers stand as the caller wrote them */
  readonly paramsText: () => string
  /** the JSON-RPC id as it stood in the request (a JSON string or number, raw); '' on HTTP+JSON */
  readonly requestId: string
  readonly tenant: string
  /** task that the operation names (params.id / taskId / message.taskId); '' when none */
  readonly taskId: string
  /** as the caller calls it; '' when none */
  readonly contextId: string
  readonly configId: string
  readonly message: MessageFacts
  /** metadata of the message as it was sent, the caller's words: policy sees what its text names, nothing else */
  readonly metadata: JsonObject | undefined
  /** the request carries an inline push configuration (sends), which push rules must also allow */
  readonly inlinePush: boolean
  /** returnImmediately of a send: false means the call may take minutes */
  readonly returnImmediately: boolean
  readonly list: ListFilter | undefined
  readonly historyLength: number | undefined
  /** when the caller stops waiting, monotonic milliseconds; Infinity where it did not say */
  readonly deadlineMs: number
  /** extensions that were asked for and are allowed; from authorize on of these only what the agent's card declares */
  readonly extensions: readonly string[]
  /** what is checked is what is forwarded: the original text of the body, '' when there is none, or no JSON */
  readonly bodyText: string
  /** the original message of a gRPC call, without its frame */
  readonly wire: Buffer | undefined
  /** parsed body, for checks only; never serialised again */
  readonly body: JsonValue | undefined
  /** rebuilt path and query for an agent of the caller's face, relative to its base URL: '' or begins with '/' */
  readonly upstreamPath: string
  readonly upstreamMethod: 'GET' | 'POST' | 'DELETE'
}
export type Validated = Routed & ValidatedFields & Brand<'validated'>

/** Who owns a task, as the index knows it. */
export interface TaskOwner {
  readonly caller: string
  readonly origin: string
}

/** Whose something is: who called, on whose behalf, and the groups of both when it was made. */
export interface Owned {
  readonly owner: TaskOwner
  readonly groups: readonly string[]
}
export interface OwnedTask extends Owned {
  /** as the agent knows it */
  readonly contextId: string
}
export interface OwnedContext extends Owned {
  /** what its owner calls it; the agent knows it by its id */
  readonly name: string
}
/** Where a name of a context is good: agents and tenants know nothing of one another's, nor do owners. */
export interface ContextPlace {
  readonly agent: string
  readonly tenant: string
  readonly owner: TaskOwner
}
export interface MeantContext {
  /** as the agent knows it, or is to know it */
  readonly contextId: string
  /** nobody's yet */
  readonly isFresh: boolean
}

export interface ApprovalGrant {
  readonly id: string
  readonly decidedBy: string
  /** Uses it up, durably. False when another call has. */
  take(): boolean
  /** the call came to nothing before the agent or the record saw it */
  giveBack(): void
}

export interface AuthorizedFields {
  /** names of the role rules that allowed, e.g. `analyst#0` for caller, then for origin */
  readonly allowedBy: readonly string[]
  /** exactly what policy saw, as JSON, so that the call can be decided again later */
  readonly policyInput: JsonObject
  /** what the agent is to see for `contextId`; '' when the call names none */
  readonly agentContextId: string
  /** the owner of the task that the operation names; undefined when it names none */
  readonly taskOwner: TaskOwner | undefined
  /** a person's approval of this very call, where policy asks for one: good once */
  readonly approval?: ApprovalGrant | undefined
}
export type Authorized = Validated & AuthorizedFields & Brand<'authorized'>

export interface AdmittedFields {
  /** gives back what was taken for the call's life (a place among the streams); safe to call twice */
  readonly releasePermit: () => void
  /** to be called when a task that came of the call has its owner: from then on it counts by itself */
  readonly taskOpened: () => void
  /** a limit asks how many messages its context has had */
  readonly countsTurns: boolean
  /** RateLimit and RateLimit-Policy fields for the answer */
  readonly limitHeaders: HeaderRecord
}
export type Admitted = Authorized & AdmittedFields & Brand<'admitted'>

/** Bytes of an agent's answer that passed the strict scanner and ownership: the caller may see them. */
export interface ReleasedFields {
  /** JSON; on gRPC the same in canonical form, which is for the record alone */
  readonly text: string
  /** on gRPC: the message in its frame, or nothing where an error ends the call */
  readonly bytes?: Buffer | undefined
}
export type Released = ReleasedFields & Brand<'released'>

/** Where a call's record lies: `<origin>/<index>/<leaf hash>`. */
export interface Receipt {
  readonly origin: string
  readonly index: number
  readonly leafHash: string
}

/** route, the other branch: someone asks what is there. */
export interface DiscoveringFields {
  readonly target: Extract<Target, { kind: 'directory' | 'card' }>
}
export type Discovering = Authenticated & DiscoveringFields & Brand<'discovering'>

/** route, the third branch: an agent asks for a token for its next hop. */
export interface ExchangingFields {
  readonly target: Extract<Target, { kind: 'token' }>
}
export type Exchanging = Authenticated & ExchangingFields & Brand<'exchanging'>

/** Documents that need no credential. */
export type PublicDocument =
  | { readonly kind: 'jwks' }
  | { readonly kind: 'security-txt' }
  /** grpc.health.v1 */
  | { readonly kind: 'grpc-health'; readonly method: 'check' | 'watch' }
  | { readonly kind: 'public-card'; readonly agent: AgentConfig }

/** What a call makes its caller the owner of. Rides in the ledger before anyone sees the id. */
export type Claim =
  | {
      readonly kind: 'task'
      readonly agent: string
      readonly tenant: string
      readonly taskId: string
      readonly contextId: string
      readonly owner: TaskOwner
      readonly groups: readonly string[]
      readonly createdAtMs: number
    }
  | {
      readonly kind: 'context'
      readonly agent: string
      readonly tenant: string
      /** as the agent knows it */
      readonly contextId: string
      /** what its owner calls it, where that is something else */
      readonly name?: string
      readonly owner: TaskOwner
      readonly groups: readonly string[]
      readonly createdAtMs: number
    }
  | {
      readonly kind: 'pushConfig'
      readonly agent: string
      readonly tenant: string
      readonly taskId: string
      readonly configId: string
      readonly owner: TaskOwner
      readonly groups: readonly string[]
      readonly createdAtMs: number
    }

/** What taking claims came to: all or nothing, so that of two calls that name the same thing only one can win. */
export type ClaimResult =
  /** `fresh`: what was not known before and has to be recorded; `undo` takes just that back */
  | { readonly ok: true; readonly fresh: readonly Claim[]; readonly undo: () => void }
  /** somebody else has it; nothing was claimed */
  | { readonly ok: false; readonly conflict: Claim }
