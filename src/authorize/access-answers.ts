// Answers of a cluster's RBAC, kept for a short time: permissions for as long as is configured, at most ten seconds,
// denials for one, errors not at all. One question of a kind at a time. An answer is a permission only when it says
// `allowed: true` and does not say `denied` in the same breath; an error beside it changes nothing, either way.

import { hash } from 'node:crypto'
import { createBoundedCache } from '../base/bounded-cache.ts'
import type { Clock } from '../base/clock.ts'
import type { JsonObject } from '../base/strict-json.ts'

/** A cluster's API server. Throws when it gives no answer. */
export interface AccessReviewer {
  /** `status` of a SubjectAccessReview, unjudged; urgent is what an open stream waits for */
  reviewAccess(spec: JsonObject, isUrgent: boolean): Promise<JsonObject>
}

export interface AccessAnswer {
  readonly allowed: boolean
  /** false where the cluster said nothing */
  readonly isAnswer: boolean
  /** private: what the cluster gave as its reason */
  readonly detail: string
  /** monotonic, when the question was asked */
  readonly askedAtMs: number
}

export interface AccessAnswers {
  /** An answer that is still good, without asking. */
  known(question: AccessQuestion): AccessAnswer | undefined
  /** Never rejects: no answer is a denial that is not kept. `maxAgeMs`: an older permission is asked for again. */
  ask(question: AccessQuestion, how?: { readonly isUrgent: boolean; readonly maxAgeMs: number }): Promise<AccessAnswer>
}

export interface AccessQuestion {
  readonly spec: JsonObject
  readonly key: string
}

export function questionOf(spec: JsonObject): AccessQuestion {
  return { spec, key: hash('sha256', JSON.stringify(spec), 'base64url') }
}

const keptAnswers = 16_384 // bound: answers of a cluster's RBAC in memory
const deniedMs = 1_000 // bound: how long a denial by a cluster's RBAC is kept

export function createAccessAnswers(options: {
  readonly clock: Clock
  readonly reviewer: AccessReviewer
  readonly cacheMs: number
}): AccessAnswers {
  const { clock, reviewer, cacheMs } = options
  const answers = createBoundedCache<AccessAnswer>(keptAnswers)
  const flights = new Map<string, Promise<AccessAnswer>>()

  const known = (question: AccessQuestion, maxAgeMs = cacheMs): AccessAnswer | undefined => {
    const answer = answers.get(question.key)
    if (answer === undefined) return undefined
    const ageMs = clock.monotonicMs() - answer.askedAtMs
    return ageMs < (answer.allowed ? maxAgeMs : Math.min(deniedMs, maxAgeMs)) ? answer : undefined
  }
  const fly = async ({ spec, key }: AccessQuestion, isUrgent: boolean): Promise<AccessAnswer> => {
    const askedAtMs = clock.monotonicMs()
    try {
      const answer = { ...judge(await reviewer.reviewAccess(spec, isUrgent)), askedAtMs }
      answers.set(key, answer)
      return answer
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown reason'
      return { allowed: false, isAnswer: false, detail: `no answer: ${why}`, askedAtMs }
    }
  }

  return {
    known: (question) => known(question),
    ask(question, { isUrgent, maxAgeMs } = { isUrgent: false, maxAgeMs: cacheMs }) {
      const answer = known(question, maxAgeMs)
      if (answer !== undefined) return Promise.resolve(answer)
      const flying = flights.get(question.key)
      if (flying !== undefined) return flying
      const flight = fly(question, isUrgent).finally(() => flights.delete(question.key))
      flights.set(question.key, flight)
      return flight
    },
  }
}

function judge(status: JsonObject): Omit<AccessAnswer, 'askedAtMs'> {
  const own = (name: string): unknown => (Object.hasOwn(status, name) ? status[name] : undefined)
  const denied = own('denied')
  const allowed = own('allowed') === true && (denied === undefined || denied === false)
  const said = own('reason') ?? own('evaluationError')
  return { allowed, isAnswer: true, detail: typeof said === 'string' ? said.slice(0, 300) : '' }
}
