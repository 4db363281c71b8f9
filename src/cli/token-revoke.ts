// `token revoke`: one token by its id, or all that a subject was given before a time. In force when the command
// returns, also in the running process and, within a second, on open streams.

import { systemClock } from '../base/clock.ts'
import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command, Input } from './command.ts'
import { CommandError, printJson } from './io.ts'
import type { TokenRevocationRequest } from './ports.ts'
import { readTime } from './read-time.ts'
import { requireDataDir } from './state.ts'
import { describeRevocation, revocationDocument } from './token-revocation.ts'

export const command: Command = {
  arguments: [],
  options: {
    jti: { value: 'JTI', about: "the token's id, with --issuer" },
    issuer: { value: 'NAME', about: 'short name of its issuer' },
    subject: { value: 'PRINCIPAL', about: 'user:<issuer>/<subject>: all its tokens issued before now' },
    before: { value: 'TIME', about: 'with --subject: only those issued before this' },
    config: configOption,
    'data-dir': dataDirOption,
  },
  run: async (input) => {
    const request = readRequest(input)
    const revoked = revocationDocument(await changeState(input, await requireDataDir(input), 'token.revoke', request))
    if (input.json) printJson(input.io, revoked)
    else input.io.out(`revoked ${describeRevocation(revoked)}\n`)
    return 0
  },
}

function readRequest(input: Input): TokenRevocationRequest {
  const [jti, issuer, subject, before] = ['jti', 'issuer', 'subject', 'before'].map((name) => input.option(name))
  if (jti !== undefined && issuer !== undefined && subject === undefined && before === undefined)
    return { kind: 'token', issuer, jti }
  if (subject !== undefined && jti === undefined && issuer === undefined) {
    const beforeMs = before === undefined ? null : readTime('--before', before, systemClock.nowMs())
    return { kind: 'subject', subject, beforeMs }
  }
  throw new CommandError(2, 'say which token', 'write --jti JTI --issuer NAME, or --subject PRINCIPAL [--before TIME]')
}
