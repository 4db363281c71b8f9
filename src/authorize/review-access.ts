// Asks the RBAC of a cluster about a call that our own policy has allowed: what both allow is allowed. The caller and,
// where it is somebody else, the origin each need the right; agents between them can only narrow, by our own denies.
// Whatever is no clear permission denies, and an open stream is asked about again before its answer is too old.

import type { Clock } from '../base/clock.ts'
import type { Config } from '../config/config.ts'
import type { Authorized } from '../exchange/exchange.ts'
import { refuse } from '../refusal/refusal.ts'
import {
  createAccessAnswers,
  questionOf,
  type AccessAnswers,
  type AccessQuestion,
  type AccessReviewer,
} from './access-answers.ts'
import { subjectOfCaller, subjectOfOrigin, type ClusterSubject, type SubjectRules } from './cluster-subject.ts'
import { agentResource, verbOf } from './cluster-verbs.ts'
import type { AuthorizationRefusal } from './authorize.ts'

/** What of a call is asked about. */
export type ReviewedCall = Pick<Authorized, 'caller' | 'origin' | 'operation' | 'inlinePush' | 'agent' | 'policyInput'>

export interface AccessAuthority {
  /** undefined when the cluster allows it too. At once where its answers are known, a promise where it is asked. */
  review(call: ReviewedCall): AuthorizationRefusal | undefined | Promise<AuthorizationRefusal | undefined>
  /**
   * For a call whose stream is open. `confirmedAtMs`: when another authority's watch of the same stream was last told
   * yes; without it there is as long to ask as an answer would be good for.
   */
  watch(call: ReviewedCall, confirmedAtMs?: number): AccessWatch
}

export interface AccessWatch {
  /** To be asked about every second: false as soon as a right is gone, or was not confirmed in time. */
  isHeld(): boolean
  /** of the right that was confirmed longest ago, monotonic */
  readonly confirmedAtMs: number
}

export interface AuthorityOptions {
  readonly clock: Clock
  readonly reviewer: AccessReviewer
  readonly config: NonNullable<Config['policy']['kubernetes']>
  /** how the cluster's own service accounts are proven */
  readonly mode: 'tokenReview' | 'jwks'
  /** whether an alias ties other principals to this id */
  readonly isAlias: (id: string) => boolean
  /** namespace that an agent's configuration names */
  readonly namespaceOf: (agent: string) => string | undefined
}

/** With the second between two beats a stream ends within ten, whatever the API server does. */
const maxAgeMs = 9_000 // bound: age of an answer of a cluster's RBAC by which a stream stays open
const retryMs = 1_000

export function createAccessAuthority(options: AuthorityOptions): AccessAuthority {
  const { clock, config, reviewer } = options
  const answers = createAccessAnswers({ clock, reviewer, cacheMs: config.cache })
  const subjects: SubjectRules = {
    cluster: config.cluster,
    isReviewed: options.mode === 'tokenReview',
    isAlias: options.isAlias,
    prefix: config.prefix,
  }

  /** Everything that must be allowed, or why nothing needs to be asked. */
  const questionsOf = (call: ReviewedCall): readonly AccessQuestion[] | string => {
    const asked: ClusterSubject[] = []
    const caller = subjectOfCaller(call.caller, subjects)
    if (typeof caller === 'string') return caller
    asked.push(caller)
    if (call.origin.id !== call.caller.id) {
      const origin = subjectOfOrigin(call.origin, subjects)
      if (typeof origin === 'string') return origin
      asked.push(origin)
    }
    const verbs = [verbOf[call.operation], ...(call.inlinePush ? [verbOf.CreateTaskPushNotificationConfig] : [])]
    const place = { name: call.agent.name, namespace: options.namespaceOf(call.agent.name) ?? config.namespace }
    return asked.flatMap((subject) =>
      verbs.map((verb) => questionOf({ ...subject, resourceAttributes: { ...agentResource, ...place, verb } })),
    )
  }
  const deny = (call: ReviewedCall, why: string): AuthorizationRefusal => ({
    ...refuse('AUTHZ_DENIED', `RBAC of ${config.cluster}: ${why}`),
    policyInput: call.policyInput,
  })

  const askAll = async (
    call: ReviewedCall,
    questions: readonly AccessQuestion[],
  ): Promise<AuthorizationRefusal | undefined> => {
    const given = await Promise.all(questions.map((question) => answers.ask(question)))
    const at = given.findIndex(({ allowed }) => !allowed)
    return at < 0 ? undefined : deny(call, describe(questions[at], given[at]?.detail ?? ''))
  }

  return {
    review(call) {
      const questions = questionsOf(call)
      if (typeof questions === 'string') return deny(call, questions)
      let isKnown = true
      for (const question of questions) {
        const answer = answers.known(question)
        if (answer?.allowed === false) return deny(call, describe(question, answer.detail))
        isKnown &&= answer !== undefined
      }
      return isKnown ? undefined : askAll(call, questions)
    },
    watch(call, confirmedAtMs) {
      const questions = questionsOf(call)
      if (typeof questions === 'string') return { isHeld: () => false, confirmedAtMs: -Infinity }
      const parts = { answers, clock, cacheMs: config.cache }
      const watched = questions.map((question) => {
        const askedAtMs = answers.known(question)?.askedAtMs
        return new WatchedRight(question, askedAtMs ?? confirmedAtMs ?? clock.monotonicMs(), parts)
      })
      return {
        // all of them, each time: every one has to be asked again in time
        isHeld: () => watched.map((right) => right.isHeld()).every((isHeld) => isHeld),
        get confirmedAtMs() {
          return Math.min(...watched.map((right) => right.confirmedAtMs))
        },
      }
    },
  }
}

interface WatchParts {
  readonly answers: AccessAnswers
  readonly clock: Clock
  readonly cacheMs: number
}

/** One right that an open stream stands on. */
class WatchedRight {
  confirmedAtMs: number
  readonly #question: AccessQuestion
  readonly #parts: WatchParts
  #attemptedAtMs = -Infinity
  #isGone = false

  constructor(question: AccessQuestion, confirmedAtMs: number, parts: WatchParts) {
    this.#question = question
    this.confirmedAtMs = confirmedAtMs
    this.#parts = parts
  }

  isHeld(): boolean {
    if (this.#isGone) return false
    const { cacheMs, clock } = this.#parts
    const nowMs = clock.monotonicMs()
    const ageMs = nowMs - this.confirmedAtMs
    if (ageMs >= cacheMs / 2 && nowMs - this.#attemptedAtMs >= Math.min(retryMs, cacheMs / 4)) {
      this.#attemptedAtMs = nowMs
      void this.#ask()
    }
    return ageMs <= maxAgeMs
  }

  /** Never rejects. No answer leaves it as it is, until it is too old; a denial ends it. */
  async #ask(): Promise<void> {
    const { answers, cacheMs } = this.#parts
    const answer = await answers.ask(this.#question, { isUrgent: true, maxAgeMs: cacheMs / 2 })
    if (answer.allowed) this.confirmedAtMs = Math.max(this.confirmedAtMs, answer.askedAtMs)
    else if (answer.isAnswer) this.#isGone = true
  }
}

function describe(question: AccessQuestion | undefined, detail: string): string {
  const attributes = question?.spec['resourceAttributes'] as Readonly<Record<string, string>> | undefined
  const { verb, name, namespace } = attributes ?? {}
  const user = question?.spec['user']
  const place = `${verb} on ${name} in ${namespace}`
  return `${typeof user === 'string' ? user : ''} may not ${place}${detail === '' ? '' : `: ${detail}`}`
}
