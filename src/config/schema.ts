// The one schema of sallyport.yaml. Types, validation, schema/config.schema.json and docs/config.md come from
// it. Every field has a description and a safe default, or is required; unknown keys are errors; secrets are
// references (`file:…`, `env:…`, `secret:…`) or encrypted (`age:…`), never values.

import { z } from 'zod'
import { operationNames } from '../a2a/operations.ts'

/** "250ms", "10s", "5m", "1h", "400d" → milliseconds */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text)
  if (!match) return undefined
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 'ms' | 's' | 'm' | 'h' | 'd']
  return Number(match[1]) * unit
}

/** "16KiB", "1MiB", "4096" → bytes */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,12})(B|KiB|MiB|GiB)?$/.exec(text)
  if (!match) return undefined
  const unit = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }[(match[2] ?? 'B') as 'B' | 'KiB' | 'MiB' | 'GiB']
  return Number(match[1]) * unit
}

/** "600/m" → { count: 600, periodMs: 60000 } */
export function parseRate(text: string): { count: number; periodMs: number } | undefined {
  const match = /^([1-9]\d{0,8})\/(s|m|h)$/.exec(text)
  if (!match) return undefined
  return { count: Number(match[1]), periodMs: { s: 1000, m: 60_000, h: 3_600_000 }[match[2] as 's' | 'm' | 'h'] }
}

/** A bound given as text in the file and as a number everywhere else. */
const duration = (fallback: string, description: string, maxMs = 400 * 86_400_000) =>
  z
    .string()
    .refine((text) => parseDuration(text) !== undefined, 'expected a duration such as 250ms, 10s, 5m, 1h or 400d')
    .refine((text) => (parseDuration(text) ?? 0) <= maxMs, `must not be longer than ${maxMs / 1000} seconds`)
    .default(fallback)
    .transform((text) => parseDuration(text) ?? 0)
    .describe(description)

/** The same where leaving it out means something of its own. */
const optionalDuration = (description: string, maxMs = 100 * 365 * 86_400_000) =>
  z
    .string()
    .refine((text) => parseDuration(text) !== undefined, 'expected a duration such as 250ms, 10s, 5m, 1h or 400d')
    .refine((text) => (parseDuration(text) ?? 0) <= maxMs, `must not be longer than ${maxMs / 1000} seconds`)
    .transform((text) => parseDuration(text) ?? 0)
    .optional()
    .describe(description)

const size = (fallback: string, description: string) =>
  z
    .union([z.string(), z.number().int().nonnegative()])
    .refine((value) => parseSize(String(value)) !== undefined, 'expected a size such as 4096, 16KiB or 1MiB')
    .default(fallback)
    .transform((value) => parseSize(String(value)) ?? 0)
    .describe(description)

/** The same where leaving it out means that nothing is bounded by it. */
const optionalSize = (description: string) =>
  z
    .union([z.string(), z.number().int().nonnegative()])
    .refine((value) => parseSize(String(value)) !== undefined, 'expected a size such as 4096, 16KiB or 1MiB')
    .transform((value) => parseSize(String(value)) ?? 0)
    .optional()
    .describe(description)

const address = z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$/, 'expected host:port')

/** Every position of this in the schema is one of a secret: secret-positions.ts. */
export const secretReference = z
  .string()
  .regex(
    /^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*|secret:[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?|age:[A-Za-z0-9+/=\s-]+)$/,
    'expected a reference, file:PATH, env:NAME or secret:NAME, or an encrypted value, age:…; never the secret itself',
  )

const httpUrl = z.string().refine((text) => {
  try {
    const url = new URL(text)
    return (
      (url.protocol === 'http:' || url.protocol === 'https:') &&
      url.username === '' &&
      url.password === '' &&
      url.hash === '' &&
      !text.includes('\\')
    )
  } catch {
    return false
  }
}, 'expected an http or https URL without userinfo or fragment')

const agentName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected a DNS label: lower-case letters, digits and hyphens')
const shortName = agentName

const principalPattern = z
  .string()
  .regex(
    /^(key|user|agent|serviceaccount|group):[^\s*]+$|^spiffe:\/\/[^\s*]+$|^(key|user|agent|group):\*$/,
    'expected a principal such as key:ci, user:corp/4f1c, agent:planner or group:corp/analysts',
  )

const operation = z.enum(operationNames as [string, ...string[]])
const agentSelector = z.union([agentName, z.literal('*')])
const operationSelector = z.union([operation, z.literal('*')])

const tlsServer = z.strictObject({
  certificate: secretReference.optional().describe('PEM certificate chain; its own certificate first'),
  key: secretReference.optional().describe('PEM private key'),
  credentialBundle: secretReference
    .optional()
    .describe('key and chain in one PEM file, instead of certificate and key: it cannot be read half old, half new'),
  clientCa: secretReference
    .optional()
    .describe('PEM bundle that vouches for client certificates; none are asked for without it'),
  clientCertificates: z
    .enum(['required', 'optional'])
    .default('required')
    .describe(
      'with clientCa: whether a caller must show a certificate to connect. One that does not verify never gets through',
    ),
  crl: secretReference
    .optional()
    .describe(
      'PEM revocation lists, one of each authority in clientCa and between; without a current one its clients are refused',
    ),
})

/** The form is that of isExtensionUri in a2a/extensions.ts. */
const extensionList = z.union([
  z.literal('*'),
  z
    .array(
      z
        .string()
        .regex(
          /^(?=[A-Za-z][A-Za-z0-9+.-]*:)[!-+\--~]{1,512}$/,
          'expected a URI such as https://ext.example/v1, without spaces and commas (for all of them: "*", without a list)',
        ),
    )
    .max(64), // bound: extensions of a list
])

const bounds = z
  .strictObject({
    head: size('16KiB', 'largest request head'),
    body: size('1MiB', 'largest request body'),
    answer: size('16MiB', 'largest unary answer of an agent'),
    event: size('1MiB', 'largest single event of a stream'),
    jsonDepth: z.number().int().min(4).max(512).default(64).describe('deepest JSON nesting'),
    jsonNodes: z.number().int().min(100).max(5_000_000).default(100_000).describe('most JSON values in one body'),
    headTime: duration('10s', 'time for a request head to arrive; for a TLS handshake that of the start counts'),
    bodyTime: duration('30s', 'time for a request body to arrive'),
    connections: z.number().int().min(1).max(100_000).default(20_000).describe('most open client connections'),
    idleTime: duration('75s', 'how long an idle keep-alive connection stays open'),
    ping: duration('15s', 'a comment is sent into a stream that has been silent for so long'),
    answerTime: duration('60s', 'time for a caller to take a unary answer'),
    unsent: size('256MiB', 'most bytes of unary answers that slow callers have not taken, over all connections'),
    parts: z.number().int().min(1).max(10_000).default(256).describe('most parts in one message'),
    streamLife: duration('1h', 'longest life of one stream'),
    streamEvents: z.number().int().min(1).default(100_000).describe('most events in one stream'),
    streamBytes: size('256MiB', 'most bytes in one stream'),
    streamSilence: duration('10m', 'an agent that sends nothing into a stream for so long is cut off', 24 * 3_600_000),
    drain: duration('20s', 'how long open calls may go on after a stop was asked for'),
  })
  .prefault({})

const gateway = z
  .strictObject({
    listen: address.default('127.0.0.1:7000').describe('where callers connect'),
    publicUrl: httpUrl
      .optional()
      .describe('how callers reach the gateway; the base of every URL in a card. Default: http(s)://<listen>'),
    tls: tlsServer.optional().describe('without it the gateway speaks plain HTTP, on loopback only'),
    dangerouslyAllowPlaintext: z.boolean().default(false).describe('serve plain HTTP on other addresses than loopback'),
    http2: z
      .boolean()
      .default(true)
      .describe('serve HTTP/2 too, on the same port. Without it nobody can call by gRPC, and cards do not offer it'),
    trustedProxies: z
      .array(z.string().regex(/^[0-9a-fA-F:.]+(\/\d{1,3})?$/, 'expected an address or a network such as 10.0.0.0/8'))
      .default([])
      .describe('proxies whose word on who the caller is (proxyHeader) is believed'),
    proxyHeader: z
      .enum(['forwarded', 'x-forwarded-for'])
      .default('x-forwarded-for')
      .describe('the one field that trustedProxies write; where it does not name the caller, the source is "unknown"'),
    cors: z
      .strictObject({
        origins: z
          .array(z.string().regex(/^https?:\/\/[^/]+$/, 'expected an origin such as https://app.example.com'))
          .min(1)
          .describe('exact origins'),
      })
      .optional()
      .describe('off unless given'),
    bounds: bounds.describe('limits of size and time'),
    securityContact: z
      .string()
      .regex(/^(mailto:|https:\/\/|tel:)\S+$/, 'expected mailto:…, https://… or tel:…')
      .optional()
      .describe('Contact of /.well-known/security.txt (RFC 9116); nothing is served there without it'),
    extensions: extensionList
      .default([])
      .describe('A2A extensions that may be used, by URI, or "*" for all that an agent’s card declares'),
  })
  .prefault({})

/** Where a claim lies: a name, or names with dots between; `\\.` is a dot within a name, and so is one in a URL. */
const claimPath = z.string().min(1).max(256) // bound: the path of a claim
const claimSource = z.string().min(1).max(512) // bound: a template of groups

const jwtIssuer = z.strictObject({
  name: shortName.describe('short name; part of every principal id of this issuer'),
  issuer: z.string().min(1).describe('exact `iss`'),
  audience: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).describe('`aud` must contain one of these'),
  algorithms: z
    .array(
      z.enum(['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA', 'Ed25519']),
    )
    .min(1)
    .describe('allowed signature algorithms'),
  jwks: z
    .union([z.string().regex(/^file:.+$/, 'expected file:PATH'), httpUrl])
    .optional()
    .describe(
      'the key set, file:PATH or URL; without it the issuer is asked where it lies (OpenID discovery, RFC 8414)',
    ),
  types: z
    .array(z.string().regex(/^[!-~]{1,64}$/, 'expected a type such as at+jwt, or none'))
    .min(1)
    .default(['JWT', 'at+jwt', 'none'])
    .describe('accepted `typ`, in any case and without "application/"; none: tokens that give no type'),
  authorizedParties: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      '`azp` (or `client_id` where there is none) must be one of these. Default: anyone, and one of `audience` in a token for several audiences',
    ),
  subject: claimPath.default('sub').describe('claim that identifies the subject; "email" only as under emailDomains'),
  display: z
    .string()
    .default('{sub}')
    .describe('template of the display name, e.g. "{name}" or "{email}"; else the canonical id'),
  groups: z
    .union([claimSource, z.array(claimSource).min(1).max(16)])
    .optional()
    .describe(
      'claims that list groups, each a name, a path such as realm_access.roles, or a template such as "{team}-{roles}"',
    ),
  emailDomains: z
    .array(z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'expected a lower-case domain such as example.com'))
    .default([])
    .describe('domains whose e-mail addresses count, if email_verified; none count where none is given'),
  senderConstraint: z
    .enum(['none', 'dpop', 'mtls', 'any'])
    .default('none')
    .describe(
      'what tokens must be bound to: a key (RFC 9449), a client certificate (RFC 8705) or either; one that is bound is checked in any case',
    ),
  dpop: z
    .strictObject({
      proofAge: duration('60s', 'how old a DPoP proof may be, beside clockSkew', 300_000),
      nonce: z.boolean().default(false).describe('ask for a nonce of ours in every proof'),
    })
    .prefault({}),
  oneTime: z
    .boolean()
    .default(false)
    .describe('each token is good for one request; `jti` is required, and remembered over restarts'),
  introspection: z
    .strictObject({
      endpoint: httpUrl.describe('where the issuer is asked about tokens that cannot be read (RFC 7662)'),
      clientId: z.string().min(1).max(256).describe("the gateway's own client id there"),
      clientSecret: secretReference.describe('its secret'),
      send: z.enum(['basic', 'post']).default('basic').describe('how they are sent: in the header, or in the body'),
      prefix: z
        .string()
        .max(64)
        .regex(/^[A-Za-z0-9._~+/-]*$/, 'expected the characters of a token')
        .default('')
        .describe(
          'only tokens that begin so are asked about; where several issuers have introspection, one may do without',
        ),
    })
    .optional()
    .describe('for opaque tokens; an answer is believed for 10 s, no answer is a refusal'),
  clockSkew: duration('30s', 'tolerated difference of clocks', 300_000),
  maxTokenLife: duration('24h', 'tokens that live longer (exp - iat) are refused'),
})

const authorityBundle = secretReference
  .optional()
  .describe('PEM bundle: only these authorities count, and gateway.tls.clientCa has to hold them too')

const mtls = z
  .strictObject({
    spiffe: z
      .array(
        z.strictObject({
          trustDomain: z
            .string()
            .regex(
              /^[a-z0-9._-]{1,255}$/,
              'expected a trust domain such as example.org: lower case, no scheme, no port',
            )
            .describe('SPIFFE ids of exactly this trust domain are principals: spiffe://example.org/ns/a/sa/planner'),
          ca: authorityBundle,
        }),
      )
      .default([])
      .describe('trust domains; with more than one entry in spiffe and subjects together each needs its own ca'),
    subjects: z
      .array(
        z.strictObject({
          name: shortName.describe('short name; part of every principal id of this entry'),
          ca: authorityBundle,
          certificates: z
            .array(
              z.strictObject({
                dns: z
                  .string()
                  .regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'expected a lower-case host name without a wildcard')
                  .optional()
                  .describe('exact DNS name in subjectAltName'),
                uri: z
                  .string()
                  .regex(
                    /^(?!spiffe:)[a-z][a-z0-9+.-]*:[!-~]{1,2040}$/i,
                    'expected a URI; SPIFFE ids go by trust domain',
                  )
                  .optional()
                  .describe('exact URI in subjectAltName, instead of dns'),
                subject: z
                  .string()
                  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/, 'expected letters, digits, dots, hyphens, "_" and "@"')
                  .describe('who that is: the caller is user:<name>/<subject>'),
              }),
            )
            .min(1)
            .describe('certificates by one name of theirs'),
        }),
      )
      .default([])
      .describe('certificates that are not SPIFFE'),
    maxLife: optionalDuration(
      'certificates that are valid for longer are refused; short lives instead of revocation lists',
    ),
  })
  .prefault({})
const cluster = z.strictObject({
  name: shortName.describe('short name; part of every principal id of this cluster'),
  issuer: z.string().min(1).describe('exact `iss` of its service account tokens; it says which cluster is asked'),
  audience: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1).max(16)])
    .describe('tokens must be made for one of these, and for this gateway alone'),
  mode: z
    .enum(['tokenReview', 'jwks'])
    .default('tokenReview')
    .describe(
      'tokenReview asks the API server about every token; jwks verifies its signature here and does not see that a pod, account or token was deleted',
    ),
  server: httpUrl
    .optional()
    .describe('the API server, https://HOST:PORT. Default: that of the pod in which the gateway runs'),
  ca: secretReference.optional().describe('PEM bundle to verify the API server with. Default: that of the pod'),
  token: secretReference
    .optional()
    .describe('how the gateway proves itself; read again as it rotates. Default: the token of the pod'),
  certificate: secretReference.optional().describe('client certificate, in place of a token or beside it'),
  key: secretReference.optional().describe('client key'),
  cache: duration('10s', 'how long an answer of the API server about a token is believed', 10_000),
  timeout: duration('3s', 'for the API server to answer a review', 30_000),
  concurrency: z.number().int().min(1).max(1_000).default(32).describe('most reviews at once'),
  jwks: z
    .union([z.string().regex(/^file:.+$/, 'expected file:PATH'), httpUrl])
    .optional()
    .describe('mode jwks: the key set, file:PATH or URL. Default: asked of the API server'),
  algorithms: z
    .array(z.enum(['RS256', 'ES256', 'ES384', 'ES512', 'RS384', 'RS512']))
    .min(1)
    .default(['RS256', 'ES256'])
    .describe('mode jwks: allowed signature algorithms'),
  maxTokenLife: duration('24h', 'mode jwks: tokens that live longer (exp - iat) are refused'),
})

const identity = z
  .strictObject({
    jwt: z.array(jwtIssuer).default([]).describe('issuers of JSON Web Tokens'),
    kubernetes: z.array(cluster).max(64).default([]).describe('clusters whose service accounts are callers'),
    apiKeys: z
      .strictObject({
        environment: z
          .string()
          .regex(/^[a-z0-9]{1,12}$/, 'expected 1 to 12 lower-case letters or digits')
          .default('live')
          .describe('the <env> of sp_<env>_…; keys of another environment are refused'),
        pepper: secretReference
          .optional()
          .describe('secret of the HMAC over key secrets. Default: generated, kept beside the key-encryption key'),
      })
      .prefault({}),
    mtls: mtls.describe('client certificates as credentials; needs gateway.tls.clientCa'),
  })
  .prefault({})

const assertion = z
  .strictObject({
    as: z
      .enum(['header', 'bearer', 'exchange'])
      .default('header')
      .describe(
        'header: Sallyport-Caller-Assertion; bearer: the same in Authorization; exchange: a token of the agent’s own identity provider in Authorization',
      ),
    subject: z
      .enum(['public', 'pairwise'])
      .default('public')
      .describe('pairwise: names that are good in this sector alone, for agents outside; without groups'),
    sector: shortName.optional().describe('agents of one sector see the same pairwise names. Default: the agent alone'),
    claims: z
      .enum(['full', 'minimal'])
      .default('full')
      .describe('minimal: without groups, scopes and owners of shared tasks'),
    exchange: z
      .strictObject({
        tokenUrl: httpUrl.describe('token endpoint of the identity provider (RFC 8693)'),
        clientId: z.string().min(1).max(256).describe('the gateway as its client'),
        clientSecret: secretReference.describe('sent by HTTP Basic, to that endpoint alone'),
        audience: z.string().min(1).max(1024).optional().describe('`audience` of the request'),
        resource: httpUrl.optional().describe('`resource` of the request'),
        scope: z.string().min(1).max(1024).optional().describe('`scope` of the request'),
        subjectAudience: z
          .string()
          .min(1)
          .max(1024)
          .optional()
          .describe('`aud` of the assertion that is exchanged. Default: tokenUrl'),
        ca: secretReference.optional().describe('PEM bundle to verify the identity provider with'),
      })
      .optional()
      .describe('needed by `as: exchange`'),
  })
  .prefault({})

const duplicates = z
  .strictObject({
    sameBody: z
      .enum(['replay', 'refuse', 'forward'])
      .default('replay')
      .describe('a repetition of the same request: given the answer of the first one, refused, or sent to the agent'),
    differentBody: z
      .enum(['refuse', 'forward'])
      .default('refuse')
      .describe('another request under a messageId that its caller has used: refused, or sent to the agent'),
    window: duration('1h', 'for how long a messageId is remembered', 7 * 86_400_000),
    remembered: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(10_000)
      .describe('messageIds remembered of one caller and origin; beyond it their oldest are forgotten early'),
  })
  .prefault({})

const artifacts = z.strictObject({
  mediaTypes: z
    .array(
      z
        .string()
        .regex(
          /^(\*\/\*|[a-z0-9!#$&^_.+-]+\/(\*|[a-z0-9!#$&^_.+-]+))$/,
          'expected a media type such as text/plain or text/*, lower case, without parameters',
        ),
    )
    .max(64)
    .optional()
    .describe('of parts in artifacts and in messages of the agent; an empty list means none. Default: all'),
  size: optionalSize('all artifacts of one answer or one stream together'),
})

const agent = z.strictObject({
  name: agentName.describe('the agent is served at /agents/<name>'),
  url: httpUrl.describe('JSON-RPC endpoint of the agent; also the base of its HTTP+JSON paths unless restUrl is given'),
  cardUrl: httpUrl.optional().describe('Default: <url>/.well-known/agent-card.json'),
  restUrl: httpUrl
    .optional()
    .describe('HTTP+JSON base URL where it differs from url; sallyport agent add takes both from the card'),
  grpcUrl: httpUrl
    .optional()
    .describe(
      'gRPC endpoint, without a path: https://host:port (a host name, not an address), or http://host:port for one without TLS',
    ),
  bindings: z
    .array(z.enum(['JSONRPC', 'HTTP+JSON', 'GRPC']))
    .min(1)
    .optional()
    .describe('what the agent speaks. Default: JSONRPC and HTTP+JSON, and GRPC where grpcUrl is given'),
  speaks: z
    .array(z.enum(['1.0', '0.3']))
    .min(1)
    .default(['1.0'])
    .describe('protocol versions in which the agent can be called; calls in another one are translated to the first'),
  versions: z
    .array(z.enum(['1.0', '0.3']))
    .min(1)
    .default(['1.0'])
    .describe('protocol versions that callers may use'),
  extensions: extensionList
    .optional()
    .describe('A2A extensions that may be used with this agent, by URI, or "*". Default: gateway.extensions'),
  hosts: z
    .array(z.string().regex(/^[a-z0-9.-]+(:\d{1,5})?$/, 'expected a lower-case host name'))
    .default([])
    .describe('host names at whose root the agent is served too'),
  discovery: z
    .enum(['callers', 'public'])
    .default('callers')
    .describe('who may read the card: those who may call something, or everyone'),
  authentication: z
    .strictObject({
      methods: z
        .array(z.enum(['api-key', 'jwt', 'introspection', 'service-account', 'mtls']))
        .min(1)
        .optional()
        .describe('how callers of this agent may prove who they are. Default: in every way that is configured'),
      issuers: z
        .array(z.string().min(1))
        .min(1)
        .optional()
        .describe(
          'whose word counts: short names of issuers, trust domains of client certificates. Default: all. API keys have no issuer',
        ),
      senderConstrained: z
        .boolean()
        .default(false)
        .describe(
          'only credentials bound to a key of their holder: client certificates, and tokens bound by DPoP or mTLS',
        ),
    })
    .prefault({})
    .describe('which proofs of identity this agent accepts; its card states exactly these'),
  principals: z.array(principalPattern).default([]).describe('identities that may act as this agent'),
  tenant: z.string().default('').describe('fixed A2A tenant of this agent; callers may not choose another'),
  namespace: agentName
    .optional()
    .describe('Kubernetes namespace in which rights on this agent are given. Default: policy.kubernetes.namespace'),
  credential: z
    .strictObject({
      header: z
        .string()
        .regex(/^[A-Za-z0-9-]+$/)
        .default('authorization')
        .describe('header that carries it'),
      value: secretReference.describe('the whole header value, e.g. "Bearer …"'),
    })
    .optional()
    .describe('what the gateway presents to the agent, sent only to its configured origin'),
  assertion: assertion.describe('how the agent hears who calls, on whose behalf and through whom'),
  tls: z
    .strictObject({
      ca: secretReference.optional().describe('PEM bundle to verify the agent with'),
      certificate: secretReference.optional().describe('client certificate'),
      key: secretReference.optional().describe('client key'),
      credentialBundle: secretReference
        .optional()
        .describe('client key and certificate chain in one PEM file, instead of certificate and key'),
    })
    .optional(),
  timeouts: z
    .strictObject({
      connect: duration('5s', 'to connect'),
      firstByte: duration('60s', 'to the first byte of an answer'),
      blocking: duration('10m', 'to the answer of a blocking send', 24 * 3_600_000),
    })
    .prefault({}),
  breaker: z
    .strictObject({
      failures: z.number().int().min(1).default(5).describe('failures in a row that open the circuit'),
      cooldown: duration('10s', 'how long an open circuit refuses before one trial call'),
    })
    .prefault({}),
  health: z
    .strictObject({
      path: z
        .string()
        .regex(/^\/[!-~]*$/)
        .default('/.well-known/agent-card.json'),
      interval: duration('30s', 'between two checks; 0s for none'),
    })
    .prefault({}),
  maxConnections: z.number().int().min(1).max(100_000).default(20_000).describe('most connections to this agent'),
  artifacts: artifacts
    .optional()
    .describe('what this agent may hand to its callers; anything within the other bounds where nothing is given'),
  duplicates: duplicates.describe(
    'messages that are sent twice by one caller under one messageId (docs/duplicates.md)',
  ),
})

const alias = z.strictObject({
  name: shortName.describe('for people and for the record'),
  principals: z
    .array(principalPattern)
    .min(2, 'an alias ties at least two principals together')
    .max(64)
    .describe('all of one person; the first is the id by which policy, limits and ownership know each of them'),
})

const condition = z.string().min(1).max(8192).describe('CEL') // bound: a condition

const policy = z
  .strictObject({
    authorizer: z
      .enum(['kubernetes'])
      .optional()
      .describe('who else must allow what this policy allows: the RBAC of a cluster. Default: nobody'),
    kubernetes: z
      .strictObject({
        cluster: shortName.describe('short name of the cluster in identity.kubernetes'),
        namespace: agentName.default('default').describe('namespace of agents that name none of their own'),
        prefix: z
          .string()
          .regex(/^(?!system:)[a-z0-9][a-z0-9.-]{0,62}:$/, 'expected a word and a colon, such as sallyport:')
          .default('sallyport:')
          .describe('stands before every name and group that this cluster did not vouch for'),
        cache: duration('10s', 'how long a permission is believed; denials are believed for a second', 10_000),
      })
      .optional()
      .describe('for authorizer: kubernetes'),
    roles: z
      .array(
        z.strictObject({
          name: shortName,
          rules: z
            .array(
              z.strictObject({
                agents: z.array(agentSelector).describe('agent names or "*"; an empty list means none'),
                operations: z.array(operationSelector).describe('operation names or "*"; an empty list means none'),
                when: condition.optional(),
                owner: z
                  .string()
                  .regex(/^(self|origin|any|group:[^\s*]+)$/, 'expected self, origin, any or group:…')
                  .default('self')
                  .describe("whose tasks: one's own, those one's origin began, those of a group's members, or any"),
                expiryGrace: optionalDuration(
                  'a stream that this rule allowed stays open for so long after its credential expired, never after a revocation. Default: it ends',
                  3_600_000,
                ),
                requireApproval: z
                  .boolean()
                  .default(false)
                  .describe(
                    'each call that this rule speaks of takes the approval of a person, also where another rule allows it',
                  ),
              }),
            )
            .default([]),
        }),
      )
      .default([]),
    bindings: z
      .array(
        z.strictObject({
          role: shortName,
          callers: z.array(principalPattern).describe('an empty list means nobody'),
          autonomous: z.boolean().default(false).describe('also when an agent acts on its own account'),
        }),
      )
      .default([]),
    denies: z
      .array(
        z.strictObject({
          name: shortName,
          agents: z.array(agentSelector).default(['*']),
          operations: z.array(operationSelector).default(['*']),
          callers: z.array(principalPattern).optional().describe('only these; everyone when absent'),
          when: condition.optional(),
        }),
      )
      .default([]),
  })
  .prefault({})

const approvals = z
  .strictObject({
    approvers: z
      .array(principalPattern)
      .default([])
      .describe('who may approve, proven by an API key or a login; an empty list means nobody'),
    wait: duration('1h', 'how long a call waits for its approval', 30 * 86_400_000),
    use: duration('15m', 'how long after it was granted an approval may be used', 30 * 86_400_000),
  })
  .prefault({})

const limit = z.strictObject({
  per: z
    .array(z.enum(['caller', 'agent']))
    .min(1)
    .describe('[caller], [agent] or [caller, agent] for each pair'),
  agents: z.array(agentSelector).default(['*']),
  callers: z.array(principalPattern).optional(),
  requests: z
    .string()
    .refine((text) => parseRate(text) !== undefined, 'expected a rate such as 600/m')
    .transform((text) => parseRate(text) ?? { count: 1, periodMs: 1000 })
    .optional(),
  burst: z.number().int().min(1).optional().describe('calls at once; default: the count of one period'),
  concurrentStreams: z.number().int().min(1).optional(),
  openTasks: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('unfinished tasks; a message that could begin another one is refused beyond it. Default: no limit'),
  turns: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe(
      'messages in one context, whoever sends them, counted from when such a limit is there. Default: no limit',
    ),
})

const verifierKey = z
  .string()
  .regex(/^[!-*,-~]{1,255}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{20,4000}={0,2}$/, 'expected a verifier key, NAME+HASH+BASE64')

const witnessing = z
  .strictObject({
    witnesses: z
      .array(
        z.strictObject({
          key: verifierKey.describe('the verifier key of the witness: Ed25519 or ML-DSA-44 (C2SP tlog-cosignature)'),
          url: httpUrl.describe('submission prefix (C2SP tlog-witness)'),
          ca: secretReference.optional().describe('PEM bundle to verify the witness with'),
        }),
      )
      .max(16)
      .default([])
      .describe('who is asked to cosign checkpoints'),
    require: z.number().int().min(1).max(16).default(1).describe('how many of them make a checkpoint a witnessed one'),
    interval: duration('10s', 'how often they are asked while the log grows', 24 * 3_600_000),
    maxAge: optionalDuration('calls are refused while the newest witnessed checkpoint is older than this'),
    atStart: z
      .enum(['required', 'preferred'])
      .default('preferred')
      .describe('required: no start before `require` of them have cosigned the log of this gateway'),
  })
  .prefault({})

const retention = z
  .strictObject({
    bodies: optionalDuration('encrypted bodies of kinds that are not named below'),
    decision: optionalDuration('bodies of decisions'),
    completion: optionalDuration('bodies of completions'),
    ownership: optionalDuration('bodies of ownership records'),
    administration: optionalDuration('bodies of administrative acts'),
    lifecycle: optionalDuration('bodies of lifecycle records'),
    folded: optionalDuration('bodies of folded refusals'),
    records: optionalDuration('whole records: the minimum index of the log rises, proofs of later records stay valid'),
  })
  .prefault({})

const redaction = z.union([
  z.enum(['email', 'card', 'token', 'private-key']),
  z.strictObject({
    name: shortName.describe('what stands in the place of what was found'),
    pattern: z.string().min(1).max(1_000).describe('regular expression, RE2 syntax'), // bound: a redaction pattern
  }),
])

const contentRule = z.strictObject({
  agents: z.array(agentSelector).min(1).describe('agent names or "*"'),
  requests: z.boolean().default(true).describe('record the messages of callers'),
  answers: z.boolean().default(false).describe('record the answers and events of agents'),
  redact: z
    .array(redaction)
    .default(['email', 'card', 'token', 'private-key'])
    .describe('what is taken out of every text first'),
  maxBytes: size('64KiB', 'largest content of one record; what is longer is cut and marked'),
})

const exporter = z.discriminatedUnion('kind', [
  z.strictObject({
    name: shortName,
    kind: z.literal('jsonl-file').describe('OCSF events, one a line, appended to a file'),
    path: z.string().min(1).describe('relative to the configuration file'),
  }),
  z.strictObject({
    name: shortName,
    kind: z.literal('jsonl-http').describe('OCSF events, one a line, in the body of a POST'),
    url: httpUrl,
    authorization: secretReference.optional().describe('the whole Authorization header'),
    ca: secretReference.optional().describe('PEM bundle to verify the receiver with'),
  }),
  z.strictObject({
    name: shortName,
    kind: z.literal('otlp').describe('OTLP logs over HTTP, JSON encoding'),
    url: httpUrl.describe('the logs endpoint, usually …/v1/logs'),
    authorization: secretReference.optional().describe('the whole Authorization header'),
    ca: secretReference.optional().describe('PEM bundle to verify the receiver with'),
  }),
])

const audit = z
  .strictObject({
    keyEncryptionKey: secretReference
      .optional()
      .describe('32 bytes, base64url. Default: generated at <dataDir>.kek, outside dataDir'),
    segmentSize: size('64MiB', 'size at which a new segment file is begun'),
    mode: z
      .enum(['blocking', 'blocking-strict'])
      .default('blocking')
      .describe(
        'when the record of a read must be durable: before its answer leaves (blocking), or before the agent sees the call, as for everything that changes something (blocking-strict)',
      ),
    receipts: z
      .enum(['plain', 'signed'])
      .default('plain')
      .describe('signed: every answer carries Sallyport-Record-Signature beside Sallyport-Record'),
    content: z.array(contentRule).default([]).describe('message content is recorded only where a rule says so'),
    retention: retention.describe('how long is kept what; everything for ever where nothing is given'),
    erasure: z
      .strictObject({
        approvers: z
          .array(principalPattern)
          .default([])
          .describe('when given, an erasure takes two different ones of these, each with an API key or a login'),
      })
      .prefault({}),
    witness: witnessing.describe('cosigners of checkpoints, outside the reach of who operates this gateway'),
    export: z.array(exporter).max(8).default([]).describe('copies of the records for a SIEM, at least once'),
  })
  .prefault({})

export const adminRoles = ['viewer', 'auditor', 'operator', 'admin'] as const
const adminRole = z.enum(adminRoles)

const administrator = z
  .string()
  .max(1_024)
  .regex(
    /^(user|group):[a-z0-9-]+\/[^\s*]+$/,
    'expected a person or a group of the login, such as user:corp/4f1c or group:corp/operators; never a wildcard',
  )

const admin = z
  .strictObject({
    listen: address.default('127.0.0.1:7001').describe('health, metrics and the admin API; loopback only'),
    publicUrl: httpUrl
      .optional()
      .describe('how browsers reach the admin listener: scheme, host and port, no path. Default: http://<listen>'),
    token: secretReference
      .optional()
      .describe('a bearer token of the admin API with the role viewer; `tokens` says more: a name and a role'),
    tokens: z
      .array(
        z.strictObject({
          name: shortName.describe('its holder is admin-token:<name>'),
          token: secretReference.describe('at least 32 characters'),
          role: adminRole,
        }),
      )
      .max(64)
      .default([])
      .describe('bearer tokens of the admin API, for machines'),
    administrators: z
      .array(
        z.strictObject({
          role: adminRole,
          who: z.array(administrator).describe('an empty list means nobody'),
        }),
      )
      .max(1_000)
      .default([])
      .describe('which people, known by admin.oidc, may do what; nobody where nothing is given'),
    oidc: z
      .strictObject({
        name: shortName.describe('short name; part of every principal id: user:<name>/<sub>, group:<name>/…'),
        issuer: httpUrl.describe('exact issuer; its metadata is found by OpenID Connect Discovery'),
        clientId: z.string().min(1).max(512),
        clientSecret: secretReference.optional().describe('without it a public client, which has PKCE alone'),
        scopes: z
          .array(z.string().regex(/^[!#-[\]-~]+$/, 'expected a scope such as openid'))
          .min(1)
          .max(32)
          .default(['openid'])
          .describe('must hold openid'),
        groups: z.string().min(1).optional().describe('claim of the ID token that lists groups'),
      })
      .optional()
      .describe('login of people by OpenID Connect: authorization code with PKCE'),
    sessions: z
      .strictObject({
        idle: duration('30m', 'a session that is not used for so long ends', 24 * 3_600_000),
        life: duration('12h', 'longest life of a session', 7 * 86_400_000),
      })
      .prefault({})
      .describe('of people who logged in'),
  })
  .prefault({})

const delegation = z
  .strictObject({
    maxLife: duration(
      '8h',
      'how long an agent may act on for a call: while the call is open or a task that came of it, at most for so long',
      7 * 86_400_000,
    ),
  })
  .prefault({})

const telemetry = z
  .strictObject({
    traces: z
      .strictObject({
        continueFrom: z
          .union([z.enum(['authenticated', 'everyone', 'nobody']), z.array(principalPattern).min(1).max(1_000)])
          .default('authenticated')
          .describe(
            'whose traces (W3C Trace Context) are continued: of all who have proven who they are, of everyone, of nobody, or of these callers',
          ),
      })
      .prefault({}),
  })
  .prefault({})

const foreverMs = 100 * 365 * 86_400_000

const ownership = z
  .strictObject({
    finished: duration('90d', 'tasks that are over, from what was heard last of them', foreverMs),
    open: duration('400d', 'tasks of which nobody has said that they are over, from what was heard last', foreverMs),
    contexts: duration('400d', 'contexts in which no task is kept any more, from their first use', foreverMs),
    tombstones: duration('400d', 'for how long the id of what was let go stays taken', foreverMs),
  })
  .prefault({})

export const configSchema = z.strictObject({
  gateway: gateway.describe('the listener that callers use'),
  admin: admin.describe('the listener of operators: health, metrics and the admin API (docs/admin-api.md)'),
  dataDir: z
    .string()
    .min(1)
    .default('./.sallyport')
    .describe('where the ledger and the state lie, relative to the configuration file'),
  store: z.strictObject({ kind: z.literal('sqlite').default('sqlite') }).prefault({}),
  identity: identity.describe('who callers are'),
  aliases: z
    .array(alias)
    .default([])
    .describe('several principals of one person; identities of an agent stand in agents[].principals'),
  agents: z.array(agent).default([]).describe('the agents behind the gateway'),
  policy: policy.describe('who may do what; nothing is allowed that no role allows'),
  approvals: approvals.describe('approval by people of the calls that a rule with requireApproval speaks of'),
  limits: z
    .array(limit)
    .default([])
    .describe('rates and streams; per caller 600/m and 100 streams where none is given'),
  unauthenticated: z
    .strictObject({
      requests: z
        .string()
        .refine((text) => parseRate(text) !== undefined, 'expected a rate such as 60/m')
        .default('60/m')
        .transform((text) => parseRate(text) ?? { count: 60, periodMs: 60_000 })
        .describe('per source address'),
    })
    .prefault({}),
  delegation: delegation.describe('how agents act for those who called them'),
  telemetry: telemetry.describe(
    'traces; spans are sent where the environment names an OTLP receiver (docs/observability.md)',
  ),
  ownership: ownership.describe('for how long it is kept who owns which task (docs/retention.md)'),
  audit: audit.describe('what is recorded, for how long, who watches the record and who gets copies'),
})

export type ConfigInput = z.input<typeof configSchema>
export type Config = z.output<typeof configSchema>
export type AliasConfig = Config['aliases'][number]
export type AgentConfig = Config['agents'][number]
/** What our own policy is made of; who is asked beside it stands next to it. */
export type PolicyConfig = Omit<Config['policy'], 'authorizer' | 'kubernetes'>
export type LimitConfig = Config['limits'][number]
export type MtlsConfig = Config['identity']['mtls']
export type TlsServerConfig = NonNullable<Config['gateway']['tls']>
export type ClusterConfig = Config['identity']['kubernetes'][number]
export type JwtIssuerConfig = Config['identity']['jwt'][number]
export type IntrospectionConfig = NonNullable<JwtIssuerConfig['introspection']>
export type Bounds = Config['gateway']['bounds']
export type AdminConfig = Config['admin']
export type AdminRole = (typeof adminRoles)[number]
export type AuditConfig = Config['audit']
