// Guesses what a wrong value was meant to be: `10` where a time stands, `7000` where an address does, a word where a
// list does. A guess is told only if the schema would accept it there.

import { showValue } from './problem.ts'
import type { ConfigPath } from './problem.ts'
import { configSchema } from './schema.ts'

/** `write 10s` or the like, or '' when no guess would do. Never asked about positions of secrets: a guess repeats the value. */
export function guessMeant(input: unknown, path: ConfigPath, value: unknown): string {
  if (typeof value === 'string' && /:\/\/\S*@/.test(value))
    return 'leave out what stands between // and @: a credential is given by a reference of its own'
  for (const guess of guessesFor(value)) if (isAccepted(input, path, guess)) return `write ${formatGuess(guess)}`
  return ''
}

function guessesFor(value: unknown): readonly unknown[] {
  if (typeof value === 'number') return [String(value), `${value}s`, `${value}/m`, `127.0.0.1:${value}`, [value]]
  if (typeof value !== 'string' || value.length > 80) return []
  // a URL that is wrong all the same may hold a password in its userinfo, query or fragment: nothing is guessed
  if (/:\/\/.*[@?#]|[?@]\S*=/.test(value)) return []
  const spaceless = value.replaceAll(' ', '')
  return [
    ...(spaceless === value ? [] : [spaceless]),
    [value],
    value.toLowerCase(),
    ...(/[/.]/.test(value) ? [`file:${value}`] : []),
    ...(/^[\w[]/.test(value) && !value.includes('://') ? [`http://${value}`] : []),
    `127.0.0.1${value}`,
    `${value}:7000`,
  ]
}

function isAccepted(input: unknown, path: ConfigPath, guess: unknown): boolean {
  const changed: unknown = structuredClone(input)
  const last = path.at(-1)
  let parent: unknown = changed
  for (const step of path.slice(0, -1)) parent = Reflect.get(Object(parent), step)
  if (last === undefined || typeof parent !== 'object' || parent === null) return false
  Reflect.set(parent, last, guess)
  const parsed = configSchema.safeParse(changed)
  if (parsed.success) return true
  const at = `${path.join('\n')}\n`
  // a union tells of a wrong member at its own place as soon as none of its parts comes near
  return !parsed.error.issues.some((issue) => {
    const where = `${issue.path.join('\n')}\n`
    return where.startsWith(at) || (issue.code === 'invalid_union' && at.startsWith(where))
  })
}

function formatGuess(guess: unknown): string {
  if (Array.isArray(guess)) return `[${guess.map(formatGuess).join(', ')}]`
  const text = String(guess)
  return /^[\d.]+$/.test(text) ? JSON.stringify(text) : showValue(text, false).slice(1, -1)
}
