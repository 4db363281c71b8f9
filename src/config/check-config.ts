// Checks what a schema cannot say: names that must differ, addresses that must not be open, files that must exist.
// Needs no network and never prints a secret. What it finds is either a problem (refused) or a warning (told).

import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { acceptedMethods, configuredMethods, type AcceptedMethod } from './accepted-methods.ts'
import { checkAliases } from './check-aliases.ts'
import { checkIssuer, warnOfHiddenEmail } from './check-issuers.ts'
import { checkClusters } from './check-clusters.ts'
import { checkAdmin } from './check-admin.ts'
import { checkFaces, warnOfUnusedAddress } from './check-faces.ts'
import { checkMemory } from './check-memory.ts'
import type { ConfigPath, Finding } from './problem.ts'
import { suggest } from './problem.ts'
import type { AgentConfig, Config } from './schema.ts'
import { checkSecrets, isFileBelow } from './secrets.ts'
import type { SecretReader } from './secrets.ts'

export interface Checked {
  readonly problems: readonly Finding[]
  readonly warnings: readonly Finding[]
}

/** Without a reader references to secrets are not followed. */
export function checkConfig(config: Config, baseDir: string, reader: SecretReader | undefined): Checked {
  const secrets = reader === undefined ? { problems: [], warnings: [] } : checkSecrets(config, baseDir, reader)
  return {
    problems: [
      ...checkText(config, []),
      ...checkListeners(config),
      ...checkPublicUrl(config),
      ...checkProxies(config),
      ...checkIssuers(config, baseDir),
      ...checkMtls(config),
      ...checkClusters(config, { isPlainRemote, variable: reader && ((name) => reader.variable(name)) }),
      ...checkAdmin(config, isPlainRemote),
      ...checkAgents(config),
      ...checkMemory(config),
      ...checkAliases(config),
      ...checkLimits(config),
      ...checkKeyEncryptionKey(config, baseDir),
      ...checkKeptApart(config),
      ...secrets.problems,
    ],
    warnings: [
      ...secrets.warnings,
      ...warnOfPlaintext(config),
      ...warnOfNoApprover(config),
      ...config.agents.flatMap((agent, index) => warnOfUnusedAddress(agent, ['agents', index])),
      ...config.identity.jwt.flatMap((issuer, index) => warnOfHiddenEmail(issuer, ['identity', 'jwt', index])),
    ],
  }
}

/** An escape such as "\\ud800" makes text without UTF-8, and so a configuration without a digest. */
function checkText(value: unknown, path: ConfigPath): Finding[] {
  if (typeof value === 'string')
    return value.isWellFormed()
      ? []
      : [{ path, message: 'holds half of a surrogate pair', hint: 'write the character itself' }]
  if (Array.isArray(value)) return value.flatMap((item, index) => checkText(item, [...path, index]))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) => checkText(member, [...path, key]))
}

export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))
}

/** `host:port` or `[v6]:port` in two; the port is a number. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}

/** The other way round: an IPv6 address gets its brackets, so that a port can follow. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The key must not lie where the records lie that it opens: every copy of them would hold it too. */
function checkKeyEncryptionKey({ audit, dataDir }: Config, baseDir: string): Finding[] {
  const { keyEncryptionKey: reference } = audit
  if (reference === undefined || !isFileBelow(reference, baseDir, resolve(baseDir, dataDir))) return []
  const hint = 'keep it outside of dataDir: a copy of the records must not hold the key that opens them'
  return [{ path: ['audit', 'keyEncryptionKey'], message: 'lies inside dataDir', hint }]
}

/** What opens the stored secrets, or is kept apart from state.db on purpose, cannot be one of them. */
function checkKeptApart({ audit, identity }: Config): Finding[] {
  const kept = [
    [['audit', 'keyEncryptionKey'], audit.keyEncryptionKey],
    [['identity', 'apiKeys', 'pepper'], identity.apiKeys.pepper],
  ] as const
  return kept.flatMap(([path, reference]): Finding[] => {
    if (reference?.startsWith('secret:') !== true) return []
    const hint = 'write file:PATH or env:NAME: it must not lie in the data directory'
    return [{ path, message: 'cannot be a stored secret', hint }]
  })
}

function checkListeners(config: Config): Finding[] {
  const found: Finding[] = []
  const { gateway, admin } = config
  for (const [path, address] of [
    [['gateway', 'listen'], gateway.listen],
    [['admin', 'listen'], admin.listen],
  ] as const) {
    if (splitAddress(address).port > 65_535) found.push({ path, message: 'a port is at most 65535' })
  }
  if (
    gateway.tls === undefined &&
    !gateway.dangerouslyAllowPlaintext &&
    !isLoopback(splitAddress(gateway.listen).host)
  ) {
    const hint = 'set gateway.tls, listen on 127.0.0.1, or accept the danger by gateway.dangerouslyAllowPlaintext'
    found.push({
      path: ['gateway', 'listen'],
      message: 'callers on other machines would speak to the gateway in plain text',
      hint,
    })
  }
  if (gateway.tls !== undefined) found.push(...checkCredential(gateway.tls, ['gateway', 'tls'], true))
  if (gateway.tls?.crl !== undefined && gateway.tls.clientCa === undefined)
    found.push({
      path: ['gateway', 'tls', 'crl'],
      message: 'nobody vouches for client certificates, so none can be revoked',
      hint: 'give clientCa, or leave crl out',
    })
  if (gateway.tls?.clientCertificates === 'optional' && gateway.tls.clientCa === undefined) {
    found.push({
      path: ['gateway', 'tls', 'clientCertificates'],
      message: 'nobody vouches for client certificates, so none are asked for',
      hint: 'give clientCa, or leave clientCertificates out',
    })
  }
  if (!isLoopback(splitAddress(admin.listen).host)) {
    found.push({
      path: ['admin', 'listen'],
      message: 'the admin listener stays on loopback',
      hint: 'use 127.0.0.1 or [::1]',
    })
  }
  if (admin.listen === gateway.listen && splitAddress(admin.listen).port !== 0) {
    found.push({
      path: ['admin', 'listen'],
      message: 'the gateway listens on the same address',
      hint: 'choose another port',
    })
  }
  return found
}

interface TlsCredential {
  readonly certificate?: string | undefined
  readonly key?: string | undefined
  readonly credentialBundle?: string | undefined
}

/** A certificate with its key, or both in one file. */
function checkCredential(tls: TlsCredential, path: ConfigPath, isNeeded: boolean): Finding[] {
  const { certificate, key, credentialBundle } = tls
  if (credentialBundle !== undefined)
    return certificate === undefined && key === undefined
      ? []
      : [{ path, message: 'credentialBundle takes the place of certificate and key', hint: 'give one or the other' }]
  if ((certificate === undefined) !== (key === undefined))
    return [{ path, message: 'a certificate needs its key, and a key its certificate', hint: 'give both or neither' }]
  return isNeeded && certificate === undefined
    ? [{ path, message: 'has no certificate', hint: 'give certificate and key, or credentialBundle' }]
    : []
}

/** Whose certificates are callers: every authority must be able to speak for its own names alone. */
function checkMtls(config: Config): Finding[] {
  const { mtls, jwt } = config.identity
  const path = ['identity', 'mtls']
  const entries = [
    ...mtls.spiffe.map(({ ca }, at) => ({ ca, path: [...path, 'spiffe', at] })),
    ...mtls.subjects.map(({ ca }, at) => ({ ca, path: [...path, 'subjects', at] })),
  ]
  if (entries.length === 0) return []
  const found: Finding[] = [
    ...findRepeats(
      mtls.spiffe.map(({ trustDomain }, at) => ({ value: trustDomain, path: [...path, 'spiffe', at, 'trustDomain'] })),
      'this trust domain is given twice',
    ),
    ...findRepeats(
      [
        ...jwt.map(({ name }, at) => ({ value: name, path: ['identity', 'jwt', at, 'name'] })),
        ...mtls.subjects.map(({ name }, at) => ({ value: name, path: [...path, 'subjects', at, 'name'] })),
      ],
      'another issuer has this short name, so their users could not be told apart',
    ),
    ...mtls.subjects.flatMap(({ certificates }, at) =>
      findRepeats(
        certificates.map(({ dns, uri }, of) => ({
          value: JSON.stringify([dns, uri]),
          path: [...path, 'subjects', at, 'certificates', of],
        })),
        'this certificate is given twice',
      ),
    ),
  ]
  if (config.gateway.tls?.clientCa === undefined)
    found.push({
      path,
      message: 'nobody vouches for client certificates',
      hint: 'give gateway.tls.clientCa, the bundle of their authorities',
    })
  if (entries.length > 1)
    for (const entry of entries)
      if (entry.ca === undefined)
        found.push({
          path: entry.path,
          message: 'whoever vouches for another entry could make certificates for this one too',
          hint: 'give ca: the authorities of this entry alone',
        })
  for (const [at, { certificates }] of mtls.subjects.entries())
    for (const [of, { dns, uri }] of certificates.entries())
      if ((dns === undefined) === (uri === undefined))
        found.push({
          path: [...path, 'subjects', at, 'certificates', of],
          message: 'a certificate is known by one name',
          hint: 'give dns or uri',
        })
  return found
}

function checkPublicUrl(config: Config): Finding[] {
  const { publicUrl, tls } = config.gateway
  if (publicUrl === undefined) return []
  const path = ['gateway', 'publicUrl']
  const url = new URL(publicUrl)
  const found: Finding[] = []
  if (url.search !== '') found.push({ path, message: 'a public URL has no query', hint: 'end it after the path' })
  if (tls !== undefined && url.protocol === 'http:') {
    found.push({ path, message: 'the gateway serves TLS but is announced as http', hint: 'write https://' })
  }
  for (const [index, agent] of config.agents.entries()) {
    const taken = agent.hosts.findIndex((host) => host === url.host)
    if (taken >= 0) {
      found.push({
        path: ['agents', index, 'hosts', taken],
        message: "this is the gateway's own host",
        hint: 'give the agent a host name of its own',
      })
    }
  }
  return found
}

function checkProxies(config: Config): Finding[] {
  return config.gateway.trustedProxies.flatMap((proxy, index): Finding[] => {
    const [address = '', prefix] = proxy.split('/')
    const family = isIP(address)
    const isValid = family !== 0 && (prefix === undefined || Number(prefix) <= (family === 4 ? 32 : 128))
    return isValid
      ? []
      : [
          {
            path: ['gateway', 'trustedProxies', index],
            message: 'not an IP address or network',
            hint: 'write it as 10.0.0.0/8 or fd00::/8',
          },
        ]
  })
}

function checkIssuers(config: Config, baseDir: string): Finding[] {
  const { jwt } = config.identity
  const found = [
    ...findRepeats(
      jwt.map((issuer, index) => ({ value: issuer.name, path: ['identity', 'jwt', index, 'name'] })),
      'two issuers share this short name, so their users could not be told apart',
    ),
    ...findRepeats(
      jwt.map((issuer, index) => ({ value: issuer.issuer, path: ['identity', 'jwt', index, 'issuer'] })),
      'this issuer is configured twice',
    ),
    ...findRepeats(
      jwt.flatMap(({ introspection }, index) =>
        introspection === undefined
          ? []
          : [{ value: introspection.prefix, path: ['identity', 'jwt', index, 'introspection', 'prefix'] }],
      ),
      'another issuer is asked about the same tokens',
    ),
  ]
  for (const [index, issuer] of jwt.entries())
    found.push(...checkIssuer(issuer, ['identity', 'jwt', index], { baseDir, isPlainRemote }))
  return found
}

function checkAgents(config: Config): Finding[] {
  const { agents } = config
  return [
    ...findRepeats(
      agents.map((agent, index) => ({ value: agent.name, path: ['agents', index, 'name'] })),
      'another agent has this name',
    ),
    ...findRepeats(
      agents.flatMap((agent, index) =>
        agent.hosts.map((host, at) => ({ value: host, path: ['agents', index, 'hosts', at] })),
      ),
      'this host is given twice',
    ),
    ...findRepeats(
      agents.flatMap((agent, index) =>
        agent.principals.map((id, at) => ({ value: id, path: ['agents', index, 'principals', at] })),
      ),
      'this identity is given twice; it can act as one agent only',
    ),
    ...agents.flatMap((agent, index) => checkAgent(agent, index, config)),
  ]
}

function checkAgent(agent: AgentConfig, index: number, config: Config): Finding[] {
  const found: Finding[] = []
  for (const key of ['url', 'restUrl', 'grpcUrl'] as const) {
    const url = agent[key]
    if (url === undefined || !listensAt(config.gateway.listen, new URL(url))) continue
    found.push({
      path: ['agents', index, key],
      message: 'the gateway itself listens there, so it would call itself',
      hint: "give the agent's own address",
    })
  }
  if (new URL(agent.url).search !== '')
    found.push({ path: ['agents', index, 'url'], message: "an agent's base URL has no query" })
  if (agent.tls !== undefined) found.push(...checkCredential(agent.tls, ['agents', index, 'tls'], false))
  found.push(...checkFaces(agent, ['agents', index]))
  found.push(...checkAuthentication(agent, index, config))
  found.push(...checkAssertion(agent, index))
  for (const [at, principal] of agent.principals.entries()) {
    if (!/^(group|agent):|\*$/.test(principal)) continue
    found.push({
      path: ['agents', index, 'principals', at],
      message: 'only single identities can act as an agent',
      hint: 'name a key, user, service account or SPIFFE id',
    })
  }
  return found
}

/** A method by which nobody can call, because nothing of its kind is configured. */
const unconfigured: Readonly<Record<AcceptedMethod, { readonly message: string; readonly hint: string }>> = {
  'api-key': { message: 'there are no API keys', hint: 'accept another method' },
  jwt: { message: 'no issuer of tokens is configured', hint: 'give identity.jwt' },
  introspection: { message: 'no issuer is asked about tokens', hint: 'give identity.jwt[].introspection' },
  'service-account': { message: 'no cluster is configured', hint: 'give identity.kubernetes' },
  mtls: { message: 'no client certificate is a caller', hint: 'give identity.mtls' },
}

function checkAuthentication(agent: AgentConfig, index: number, config: Config): Finding[] {
  const { methods, issuers = [], senderConstrained } = agent.authentication
  const path = ['agents', index, 'authentication']
  const found: Finding[] = []
  const known = issuerNames(config)
  for (const [at, name] of issuers.entries())
    if (!known.includes(name))
      found.push({
        path: [...path, 'issuers', at],
        message: `no issuer is named ${JSON.stringify(name)}`,
        hint: known.length > 0 ? suggest(name, known) : 'identity.jwt, identity.kubernetes and identity.mtls are empty',
      })
  const configured = configuredMethods(config)
  for (const [at, method] of (methods ?? []).entries())
    if (!configured.includes(method)) found.push({ path: [...path, 'methods', at], ...unconfigured[method] })
  // a card that states no scheme would say that none is needed
  if (found.length === 0 && acceptedMethods(config, agent).methods.size === 0)
    found.push({
      path,
      message: 'accepts nothing that is configured, so nobody could call',
      hint: senderConstrained
        ? 'no API key or service account token is bound to a key of its holder: accept mtls or jwt'
        : 'accept another method',
    })
  return found
}

/** Everyone whose word a credential can be: each list of `identity` whose entries have short names, and trust domains. */
function issuerNames({ identity }: Config): string[] {
  const lists: readonly unknown[] = [...Object.values(identity), identity.mtls.subjects].filter(Array.isArray)
  const names = lists.flat().flatMap((entry): string[] => {
    const name: unknown = Reflect.get(Object(entry), 'name')
    return typeof name === 'string' ? [name] : []
  })
  return [...names, ...identity.mtls.spiffe.map(({ trustDomain }) => trustDomain)]
}

function checkAssertion({ assertion, credential }: AgentConfig, index: number): Finding[] {
  const found: Finding[] = []
  const path = ['agents', index, 'assertion']
  if (assertion.as !== 'header' && credential?.header.toLowerCase() === 'authorization') {
    const hint = 'give the credential another header, or pass the assertion by header'
    const message = 'the assertion and the credential would be in the same header'
    found.push({ path: [...path, 'as'], message, hint })
  }
  if ((assertion.as === 'exchange') !== (assertion.exchange !== undefined)) {
    const hint = 'as: exchange and the member exchange go together'
    const message = assertion.as === 'exchange' ? 'nothing says where to exchange it' : 'it is not exchanged'
    found.push({ path: [...path, 'exchange'], message, hint })
  }
  if (assertion.sector !== undefined && assertion.subject !== 'pairwise') {
    const hint = 'set subject: pairwise, or leave the sector out'
    found.push({ path: [...path, 'sector'], message: 'a sector is of pairwise names only', hint })
  }
  if (assertion.exchange !== undefined && isPlainRemote(assertion.exchange.tokenUrl)) {
    const message = 'the client secret and assertions would travel in plain text'
    found.push({ path: [...path, 'exchange', 'tokenUrl'], message, hint: 'use https' })
  }
  return found
}

function listensAt(listen: string, url: URL): boolean {
  const { host, port } = splitAddress(listen)
  if (port !== Number(url.port || (url.protocol === 'https:' ? 443 : 80))) return false
  const isEverywhere = host === '0.0.0.0' || host === '::'
  if (isLoopback(url.hostname)) return isEverywhere || isLoopback(host)
  return host === url.hostname.replace(/^\[|\]$/g, '')
}

function checkLimits(config: Config): Finding[] {
  const names = config.agents.map((agent) => agent.name)
  return config.limits.flatMap((limit, index): Finding[] => {
    const found: Finding[] = []
    const { requests, concurrentStreams, openTasks, turns } = limit
    if ([requests, concurrentStreams, openTasks, turns].every((bound) => bound === undefined)) {
      found.push({
        path: ['limits', index],
        message: 'this limit limits nothing',
        hint: 'give requests, concurrentStreams, openTasks or turns',
      })
    }
    if (limit.burst !== undefined && limit.requests === undefined) {
      found.push({ path: ['limits', index, 'burst'], message: 'a burst needs a rate', hint: 'give requests too' })
    }
    if (new Set(limit.per).size !== limit.per.length)
      found.push({ path: ['limits', index, 'per'], message: 'the same word stands twice' })
    for (const [at, name] of limit.agents.entries()) {
      if (name !== '*' && !names.includes(name)) {
        found.push({
          path: ['limits', index, 'agents', at],
          message: `no agent is named ${JSON.stringify(name)}`,
          hint: suggest(name, names),
        })
      }
    }
    return found
  })
}

function findRepeats(entries: readonly { value: string; path: ConfigPath }[], message: string): Finding[] {
  const seen = new Set<string>()
  return entries.flatMap(({ value, path }): Finding[] => {
    if (seen.has(value)) return [{ path, message, hint: 'every one must be unique' }]
    seen.add(value)
    return []
  })
}

function isPlainRemote(text: string): boolean {
  const url = new URL(text)
  return url.protocol === 'http:' && !isLoopback(url.hostname)
}

/** What waits for a person waits for nobody where none is named. */
function warnOfNoApprover({ approvals, policy }: Config): Finding[] {
  if (approvals.approvers.length > 0) return []
  return policy.roles.flatMap(({ rules }, index) =>
    rules.flatMap(({ requireApproval }, at): Finding[] => {
      if (!requireApproval) return []
      const path = ['policy', 'roles', index, 'rules', at, 'requireApproval']
      const message = 'nobody can approve, so every call that this rule speaks of is refused'
      return [{ path, message, hint: 'name approvers in approvals.approvers' }]
    }),
  )
}

function warnOfPlaintext(config: Config): Finding[] {
  const found: Finding[] = []
  const { gateway } = config
  if (
    gateway.dangerouslyAllowPlaintext &&
    gateway.tls === undefined &&
    !isLoopback(splitAddress(gateway.listen).host)
  ) {
    found.push({
      path: ['gateway', 'dangerouslyAllowPlaintext'],
      message: 'callers send their keys in plain text',
      hint: 'set gateway.tls',
    })
  }
  if (gateway.publicUrl !== undefined && isPlainRemote(gateway.publicUrl)) {
    found.push({
      path: ['gateway', 'publicUrl'],
      message: 'cards will tell callers to use plain text',
      hint: 'write https://',
    })
  }
  for (const [index, agent] of config.agents.entries()) {
    const addresses = [agent.url, agent.restUrl, agent.grpcUrl].filter((url) => url !== undefined)
    if (agent.credential === undefined || !addresses.some(isPlainRemote)) continue
    found.push({
      path: ['agents', index, 'credential'],
      message: 'the credential travels to this agent in plain text',
      hint: 'use an https url',
    })
  }
  for (const [index, each] of config.audit.export.entries()) {
    if (each.kind === 'jsonl-file' || !isPlainRemote(each.url)) continue
    found.push({
      path: ['audit', 'export', index, 'url'],
      message: 'records leave without TLS',
      hint: 'use an https url',
    })
  }
  return found
}
