// Whether the configured witnesses can do what is asked of them: keys that are keys, and as many different witnesses
// as are required. One that is listed twice, under two names or with two keys, is one.

import type { Config, Finding } from '../config/config.ts'
import { parseCosigner, type Cosigner } from '../tlog/cosignature.ts'

type WitnessConfig = Config['audit']['witness']

/** With paths from the root of the file. */
export function findWitnessProblems({
  witnesses,
  require,
  interval,
  maxAge,
  atStart,
}: WitnessConfig): readonly Finding[] {
  const path = ['audit', 'witness'] as const
  const problems: Finding[] = []
  const known: Cosigner[] = []
  for (const [at, { key }] of witnesses.entries()) {
    const where = [...path, 'witnesses', at, 'key']
    const cosigner = parseCosigner(key)
    const hint = 'take it as `sallyport witness key` prints it'
    if (cosigner === undefined) problems.push({ path: where, message: 'not the verifier key of a witness', hint })
    else if (known.some(({ name, material }) => name === cosigner.name || material === cosigner.material))
      problems.push({ path: where, message: 'this witness is listed before', hint: 'one key for each witness' })
    else known.push(cosigner)
  }
  if (problems.length === 0 && witnesses.length > 0 && witnesses.length < require)
    problems.push({ path: [...path, 'require'], message: `there are only ${witnesses.length} witnesses` })
  if (maxAge !== undefined && witnesses.length === 0)
    problems.push({ path: [...path, 'maxAge'], message: 'without a witness no checkpoint is ever witnessed' })
  if (atStart === 'required' && witnesses.length === 0)
    problems.push({ path: [...path, 'atStart'], message: 'without a witness none can be required' })
  if (maxAge !== undefined && maxAge <= interval)
    problems.push({
      path: [...path, 'maxAge'],
      message: 'must be longer than the interval',
      hint: 'such as 10 intervals',
    })
  return problems
}
