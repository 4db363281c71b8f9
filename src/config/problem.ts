// What is wrong with a configuration file, told so that it can be mended: where, what was received, what to do.
// A received value is shown only where it cannot be a secret: never for references, unknown keys, userinfo or queries.

import { nearest } from '../base/nearest.ts'
import type { Config } from './schema.ts'

export type ConfigPath = readonly (string | number)[]

/** One thing wrong with the file. `line` and `column` count from 1; 0 when the file could not be read at all. */
export interface Problem {
  readonly path: string
  readonly line: number
  readonly column: number
  /** what was there, safe to print; '' when nothing was */
  readonly received: string
  readonly message: string
  readonly hint: string
}

/** A problem found by a check of values, before it is given its place in the file. */
export interface Finding {
  readonly path: ConfigPath
  readonly message: string
  readonly hint?: string
  /** points at the key of the last path element rather than at its value */
  readonly atKey?: boolean
  /** the value is of the wrong kind, so its kind is worth telling; otherwise only plain values are shown */
  readonly wrongKind?: boolean
}

/** A further check of a valid configuration, given by those who may import what config may not (policy). */
export type ExtraCheck = (config: Config) => readonly Finding[]

/** `agents[0].url`; keys that are not plain names are quoted */
export function formatPath(path: ConfigPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}

/** One problem in the operator's two lines, without `error:` or `hint:`. */
export function describeProblem(file: string, problem: Problem): string {
  const place = problem.line > 0 ? `${file}:${problem.line}:${problem.column}` : file
  const path = problem.path === '' ? '' : ` ${problem.path}:`
  const received = problem.received === '' ? '' : ` (received ${problem.received})`
  return `${place}:${path} ${problem.message}${received}`
}

/** A value as it may be printed: short, and without what could be a password. */
export function showValue(value: unknown, isSecret: boolean): string {
  if (value === undefined) return ''
  if (value === null) return 'null'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object') return 'a mapping'
  if (isSecret) return `a ${typeof value}, not shown`
  if (typeof value !== 'string') return JSON.stringify(value)
  const safe = hideSecretParts(value)
  return JSON.stringify(safe.length > 80 ? `${safe.slice(0, 80)}…` : safe)
}

/** A URL, or what was meant as one, without userinfo, query and fragment: any of them may hold a password. */
function hideSecretParts(text: string): string {
  // up to the last @: a password may itself hold / or @
  const withScheme = text.replace(/\/\/\S*@/g, '//…@')
  // without a scheme, unless it names a caller
  const anonymous = withScheme.replace(/^(?!(?:key|user|agent|group|serviceaccount):)[^\s/:@]+:[^\s@]*@/, '…@')
  return text.includes('//') ? anonymous.replace(/[?#]\S*/g, '?…') : anonymous.replace(/\?[\w.%~-]+=\S*/g, '?…')
}

/** `did you mean "x"`, or the list when nothing is near. */
export function suggest(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates)
  if (near !== undefined) return `did you mean ${JSON.stringify(near)}`
  return candidates.length > 0 && candidates.length <= 24 ? `known here: ${candidates.join(', ')}` : ''
}
