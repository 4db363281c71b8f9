// What a TokenReview's answer is worth. Nothing is read into it: `authenticated` is true and not "true", our audience
// stands in it (an answer without audiences speaks of the API server's own, and is the classic way to take somebody
// else's token), and the user is a service account with a namespace and a name, or nobody we know.

import { detach, isJsonObject, type JsonObject, type JsonValue } from '../base/strict-json.ts'
import type { Caller } from '../exchange/exchange.ts'
import { ownValue } from './compact-form.ts'
import { describeAccount } from './describe-account.ts'

export type JudgedCaller = Omit<Caller, 'expiresAtMs' | 'isRevoked'>

/** The caller, or why this answer makes none. */
export function judgeReview(status: JsonObject, cluster: string, audiences: readonly string[]): JudgedCaller | string {
  if (ownValue(status, 'authenticated') !== true) return 'not authenticated'
  const error = ownValue(status, 'error')
  if (error !== undefined && error !== '') return 'authenticated, and an error'
  const answered = textsOf(ownValue(status, 'audiences'))
  if (answered === undefined || answered.length === 0) return 'the answer names no audience'
  if (!answered.some((audience) => audiences.includes(audience))) return 'the answer is for another audience'
  const user = ownValue(status, 'user')
  if (!isJsonObject(user)) return 'the answer names no user'
  const username = ownValue(user, 'username')
  const groups = textsOf(ownValue(user, 'groups') ?? [])
  const uid = ownValue(user, 'uid') ?? ''
  const extra = readExtra(ownValue(user, 'extra') ?? {})
  if (typeof username !== 'string' || typeof uid !== 'string' || groups === undefined || extra === undefined)
    return 'the answer is not of its type'
  const reviewed = { cluster, username: detach(username), uid: detach(uid), groups: groups.map(detach), extra }
  return describeAccount(reviewed)
}

const maxExtra = 64

function readExtra(value: JsonValue): Record<string, string[]> | undefined {
  if (!isJsonObject(value)) return undefined
  const entries = Object.entries(value).map(([name, texts]) => [detach(name), textsOf(texts)?.map(detach)] as const)
  if (entries.length > maxExtra || entries.some(([, texts]) => texts === undefined)) return undefined
  return Object.fromEntries(entries.map(([name, texts]) => [name, texts ?? []]))
}

/** undefined when it is not a list of texts. */
function textsOf(value: JsonValue | undefined): string[] | undefined {
  return Array.isArray(value) && value.every((each): each is string => typeof each === 'string') ? value : undefined
}
