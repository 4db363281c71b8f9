// Where an agent believes its own identity provider and nobody else, the gateway exchanges its assertion there for a
// token (RFC 8693, as a client with a secret of its own) and presents that. A token is kept for the same caller, origin
// and chain until shortly before it ends; those who want it at the same time wait for one request. Whatever the
// provider answers is bounded and strictly read; anything else than a bearer token is no token.

import { createBoundedCache } from '../base/bounded-cache.ts'
import type { Clock } from '../base/clock.ts'
import type { Secret } from '../base/secret.ts'
import { decodeUtf8, isJsonObject, parseStrictJson } from '../base/strict-json.ts'
import type { AgentConfig } from '../config/config.ts'
import { refuse, type Refusal } from '../refusal/refusal.ts'
import type { Dialler } from './dialler.ts'

export interface TokenExchanger {
  /** `who` is everything that the token depends on; `assertion` is asked for only where none is at hand. */
  tokenFor(who: string, assertion: () => string): string | Promise<string | Refusal>
}

export interface ProviderSecrets {
  readonly clientSecret: Secret
  readonly ca?: Buffer
}

interface Kept {
  readonly token: string
  readonly untilMs: number
}

const keptTokens = 4_096 // bound: exchanged tokens kept for one agent
const maxAnswerBytes = 65_536 // bound: the answer of a token endpoint
const answerMs = 5_000 // bound: time for a token endpoint to answer
const maxTokenLength = 8_192 // bound: an exchanged token
/** also where the provider says more: who was told of a revocation there should not have to wait for a day */
const maxKeptMs = 600_000 // bound: an exchanged token is kept for
/** it must arrive, and clocks differ */
const spareMs = 30_000

export type ExchangeConfig = NonNullable<AgentConfig['assertion']['exchange']>

export function createTokenExchanger(
  config: ExchangeConfig,
  secrets: ProviderSecrets,
  { dialler, clock }: { dialler: Pick<Dialler, 'post'>; clock: Clock },
): TokenExchanger {
  const kept = createBoundedCache<Kept>(keptTokens)
  /** as many as calls to this agent are open */
  const asked = new Map<string, Promise<string | Refusal>>()
  const credentials = `${encodeURIComponent(config.clientId)}:${encodeURIComponent(secrets.clientSecret.text())}`
  const fields = {
    contentType: 'application/x-www-form-urlencoded',
    authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
  }
  const tls = secrets.ca === undefined ? undefined : { ca: secrets.ca }
  const bounds = { maxBytes: maxAnswerBytes, timeoutMs: answerMs, ...(tls && { tls }) }

  const ask = async (who: string, assertion: string): Promise<string | Refusal> => {
    try {
      const answer = await dialler.post(config.tokenUrl, Buffer.from(formOf(config, assertion)), bounds, fields)
      if (answer.status !== 200) return unavailable(`answered ${answer.status}`)
      const granted = readAnswer(answer.body)
      if (typeof granted === 'string') return unavailable(granted)
      const untilMs = clock.nowMs() + Math.min(granted.lifeMs - spareMs, maxKeptMs)
      if (untilMs > clock.nowMs()) kept.set(who, { token: granted.token, untilMs })
      return granted.token
    } catch (error) {
      return unavailable(`could not be reached: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  return {
    tokenFor(who, assertion) {
      const known = kept.get(who)
      if (known !== undefined && clock.nowMs() < known.untilMs) return known.token
      const waiting = asked.get(who)
      if (waiting !== undefined) return waiting
      const asking = ask(who, assertion()).finally(() => asked.delete(who))
      asked.set(who, asking)
      return asking
    },
  }
}

function unavailable(detail: string): Refusal {
  return refuse('FORWARD_UNAVAILABLE', `the identity provider of the agent ${detail}`)
}

function formOf({ audience, resource, scope }: ExchangeConfig, assertion: string): string {
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: assertion,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  })
  if (audience !== undefined) form.set('audience', audience)
  if (resource !== undefined) form.set('resource', resource)
  if (scope !== undefined) form.set('scope', scope)
  return form.toString()
}

/** A token and its life, or what is wrong. Never says what stood there: it may be half a secret. */
function readAnswer(body: Buffer): { readonly token: string; readonly lifeMs: number } | string {
  const text = decodeUtf8(body)
  const parsed = text === undefined ? undefined : parseStrictJson(text, { maxDepth: 8, maxNodes: 500 })
  if (parsed?.ok !== true || !isJsonObject(parsed.value)) return 'answered something that is not JSON'
  const { access_token: token, token_type: type, expires_in: life } = parsed.value
  if (typeof token !== 'string' || token.length > maxTokenLength || !/^[A-Za-z0-9._~+/-]+=*$/.test(token))
    return 'answered without a usable access_token'
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') return 'answered with a token of another type'
  return { token, lifeMs: typeof life === 'number' && life > 0 ? life * 1_000 : 0 }
}
