// The configured token issuers as each snapshot has them. An issuer that a reload did not touch stays the same
// object, with its keys and with the tokens proven by it; one that changed or went away takes them along.

import type { Clock } from '../base/clock.ts'
import type { JsonValue } from '../base/strict-json.ts'
import type { JwtIssuerConfig, Snapshot } from '../config/config.ts'
import { fetchDiscoveredKeys } from './discovery.ts'
import type { DpopNonces } from './dpop-nonce.ts'
import { createProofVerifier, type ProofVerifier } from './dpop-proof.ts'
import { createKeySource, type KeySource } from './key-source.ts'

export interface Issuer {
  readonly config: JwtIssuerConfig
  readonly algorithms: ReadonlySet<string>
  /** accepted `typ`, lower case; `none` stands for its absence */
  readonly types: ReadonlySet<string>
  readonly source: KeySource
  readonly proofs: ProofVerifier
}

export interface Issuers {
  /** By exact `iss`; where several share it, the one whose audience is claimed. */
  find(snapshot: Snapshot, claimedIssuer: string, claimedAudience: JsonValue | undefined): Issuer | undefined
  /** Who is asked about a token that says nothing itself: by the longest prefix of it, else the one without any. */
  findByOpaque(snapshot: Snapshot, token: string): Issuer | undefined
  has(snapshot: Snapshot, issuer: Issuer): boolean
  /** Looks after the key sets of all of them, so that no call has to wait for one that has aged. */
  refresh(snapshot: Snapshot): void
}

export interface IssuersOptions {
  readonly clock: Clock
  readonly nonces: DpopNonces
  readonly fetchJwks: (url: string) => Promise<Buffer>
  readonly readJwks: (reference: string) => Promise<Buffer>
}

const urlFreshMs = 600_000 // bound: a fetched key set is fresh for
const fileFreshMs = 10_000 // reading a file again costs next to nothing

export function createIssuers(options: IssuersOptions): Issuers {
  const bySnapshot = new WeakMap<Snapshot, ReadonlySet<Issuer>>()
  let latest = new Map<string, Issuer>()

  const open = (config: JwtIssuerConfig): Issuer => {
    const isFile = config.jwks?.startsWith('file:') === true
    const source = createKeySource({
      load: () => loadKeys(config, options),
      clock: options.clock,
      freshMs: isFile ? fileFreshMs : urlFreshMs,
    })
    const types = new Set(config.types.map((type) => type.toLowerCase().replace(/^application\//, '')))
    const proofs = createProofVerifier({ ...options, config })
    return { config, algorithms: new Set(config.algorithms), types, source, proofs }
  }

  const prepare = (snapshot: Snapshot): ReadonlySet<Issuer> => {
    const next = new Map<string, Issuer>()
    for (const config of snapshot.config.identity.jwt) {
      const sameConfig = JSON.stringify(config)
      next.set(sameConfig, latest.get(sameConfig) ?? open(config))
    }
    latest = next
    const issuers = new Set(next.values())
    bySnapshot.set(snapshot, issuers)
    return issuers
  }

  const issuersOf = (snapshot: Snapshot): ReadonlySet<Issuer> => bySnapshot.get(snapshot) ?? prepare(snapshot)

  return {
    has: (snapshot, issuer) => issuersOf(snapshot).has(issuer),
    findByOpaque: (snapshot, token) => {
      let found: Issuer | undefined
      let longest = -1
      for (const issuer of issuersOf(snapshot)) {
        const prefix = issuer.config.introspection?.prefix
        if (prefix === undefined || prefix.length <= longest || !token.startsWith(prefix)) continue
        found = issuer
        longest = prefix.length
      }
      return found
    },
    refresh: (snapshot) => {
      for (const issuer of issuersOf(snapshot)) issuer.source.refresh()
    },
    find: (snapshot, claimedIssuer, claimedAudience) => {
      const named = [...issuersOf(snapshot)].filter((issuer) => issuer.config.issuer === claimedIssuer)
      return named.find((issuer) => isAudienceOf(issuer.config, claimedAudience)) ?? named[0]
    },
  }
}

async function loadKeys({ jwks, issuer }: JwtIssuerConfig, { fetchJwks, readJwks }: IssuersOptions): Promise<Buffer> {
  if (jwks === undefined) return await fetchDiscoveredKeys(issuer, fetchJwks)
  return jwks.startsWith('file:') ? await readJwks(jwks) : await fetchJwks(jwks)
}

/** A choice among issuers only: whether the audience is right is verified with the signature. */
function isAudienceOf(config: JwtIssuerConfig, claimed: JsonValue | undefined): boolean {
  const claimedList = Array.isArray(claimed) ? claimed : [claimed]
  const expected = typeof config.audience === 'string' ? [config.audience] : config.audience
  return expected.some((audience) => claimedList.includes(audience))
}
