// Answers of the admin API that say no (RFC 9457). Codes and public sentences come from the catalogue of refusals, and
// four more that only administrators meet. `detail` is private: it is recorded, never answered; `hint` is answered,
// and is only said to somebody who has been authenticated.

import { catalogue, type RefusalCode } from '../refusal/refusal.ts'

const ownCodes = {
  ADMIN_CSRF: { status: 403, title: 'The request did not come from a page of this session' },
  ADMIN_CONFLICT: { status: 409, title: 'What was asked for cannot be done as things are' },
  ADMIN_LOGIN_REFUSED: { status: 403, title: 'You could not be logged in' },
  ADMIN_LOGIN_UNAVAILABLE: { status: 503, title: 'Nobody can log in at present' },
} as const satisfies Record<string, { status: number; title: string }>

export type ProblemCode = RefusalCode | keyof typeof ownCodes

export interface Problem {
  readonly kind: 'problem'
  readonly code: ProblemCode
  readonly status: number
  /** private */
  readonly detail: string
  /** public: how to mend the request */
  readonly hint: string
  readonly headers: Readonly<Record<string, string>>
}

export function problem(
  code: ProblemCode,
  detail: string,
  extra: { readonly hint?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Problem {
  const { hint = '', headers = {} } = extra
  return { kind: 'problem', code, status: rowOf(code).status, detail, hint, headers }
}

export function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && Reflect.get(value, 'kind') === 'problem'
}

/** The body, as application/problem+json. */
export function formatProblem({ code, status, hint }: Problem): string {
  const { title } = rowOf(code)
  return JSON.stringify({ type: 'about:blank', title, status, code, ...(hint !== '' && { detail: hint }) })
}

function rowOf(code: ProblemCode): { readonly status: number; readonly title: string } {
  if (Object.hasOwn(ownCodes, code)) return ownCodes[code as keyof typeof ownCodes] // just asked
  const row = catalogue[code as RefusalCode] // what is left
  return { status: row.http, title: row.publicMessage }
}
