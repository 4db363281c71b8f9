// Revoking tokens before their time, as an operator does it: the same code behind the control socket and in a command
// that found no gateway. Taking power away takes effect first and is recorded then.

import type { Revocation } from '../authenticate/authenticate.ts'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../base/fault.ts'
import type { TokenMethods, TokenRevocation, TokenRevocationRequest } from '../cli/ports.ts'
import { suggestWord, type Config } from '../config/config.ts'
import type { State } from './state.ts'

export interface TokenMethodsOptions {
  readonly clock: Clock
  /** what is in force: how long tokens may live */
  readonly config: () => Config
}

export function createTokenMethods(
  { revocations, audit }: Pick<State, 'revocations' | 'audit'>,
  { clock, config }: TokenMethodsOptions,
): TokenMethods {
  const describe = (request: TokenRevocationRequest): Revocation => {
    const nowMs = clock.nowMs()
    if (request.kind === 'token') {
      const { issuer, jti } = request
      const untilMs = nowMs + longestLifeMs(issuer, config())
      return { kind: 'token', issuer, id: jti, beforeMs: nowMs, revokedAtMs: nowMs, untilMs }
    }
    const { subject, beforeMs } = request
    const issuer = /^user:([^/]+)\/./.exec(subject)?.[1]
    if (issuer === undefined) {
      const hint = 'write user:<issuer>/<subject>; keys are revoked by key revoke'
      throw new Fault('CONFIG_INVALID', `tokens name no subject ${subject}`, { hint })
    }
    if (beforeMs !== null && beforeMs > nowMs) {
      const hint = 'a caller who is to stay out is blocked, not revoked'
      throw new Fault('CONFIG_INVALID', 'tokens that are not issued yet cannot be revoked', { hint })
    }
    const before = beforeMs ?? nowMs
    const untilMs = nowMs + longestLifeMs(issuer, config())
    return { kind: 'subject', issuer: '', id: subject, beforeMs: before, revokedAtMs: nowMs, untilMs }
  }

  return {
    async 'token.revoke'(request) {
      const revoked = revocations.revoke(describe(request))
      const about = revoked.kind === 'subject' ? revoked.id : ''
      const { kind, issuer, id, beforeMs, untilMs } = revoked
      await audit
        .administered('token.revoke', about, { kind, issuer, id, beforeMs, untilMs })
        .catch((cause: unknown) => {
          throw new Fault('LEDGER_UNWRITABLE', 'it is revoked, but this could not be recorded', { cause })
        })
      return summarize(revoked)
    },
    'token.revocations': () => Promise.resolve(revocations.list().map(summarize)),
  }
}

/** What was issued when it was revoked has ended by itself after this: a token, and what agents were given for it. */
function longestLifeMs(issuer: string, { identity, delegation }: Config): number {
  const found = identity.jwt.find(({ name }) => name === issuer)
  if (found !== undefined) return found.maxTokenLife + delegation.maxLife + 2 * found.clockSkew
  const known = identity.jwt.map(({ name }) => name)
  const hint =
    known.length > 0 ? suggestWord(issuer, known) : 'identity.jwt is empty; name the configuration by --config'
  throw new Fault('CONFIG_INVALID', `no issuer ${issuer} is configured, so none of its tokens is accepted`, {
    hint: hint ?? 'see identity.jwt',
  })
}

function summarize({ kind, issuer, id, beforeMs, untilMs }: Revocation): TokenRevocation {
  return { kind, issuer: kind === 'token' ? issuer : null, id, beforeMs, untilMs }
}
