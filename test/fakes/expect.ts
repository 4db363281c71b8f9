// What tests of the walk ask of a stage's outcome.

import assert from 'node:assert/strict'
import { isRefusal, type RefusalCode } from '../../src/refusal/refusal.ts'

export function expectRefusal(outcome: unknown, code: RefusalCode): string {
  assert.ok(isRefusal(outcome), 'expected a refusal')
  assert.equal(outcome.code, code)
  if (code.startsWith('AUTHN_')) assert.deepEqual(outcome.headers, { 'www-authenticate': 'Bearer realm="sallyport"' })
  assert.equal(outcome.hint, undefined)
  return outcome.detail
}

export function expectPassed<Outcome>(outcome: Outcome): Exclude<Outcome, { kind: 'refusal' }> {
  if (isRefusal(outcome)) assert.fail(`refused: ${outcome.code} ${outcome.detail}`)
  // A refusal was ruled out above; TypeScript does not narrow a type parameter by it.
  return outcome as Exclude<Outcome, { kind: 'refusal' }>
}

/** The same to the caller as any other refused credential, and says that tokens may be shown with a proof. */
export function expectRefusedProof(outcome: unknown): string {
  assert.ok(isRefusal(outcome), 'expected a refusal')
  assert.equal(outcome.code, 'AUTHN_INVALID')
  assert.deepEqual(Object.keys(outcome.headers ?? {}), ['www-authenticate'])
  assert.match(
    outcome.headers?.['www-authenticate'] ?? '',
    /^Bearer realm="sallyport"(, DPoP realm="sallyport", algs="[\w ]+")?$/,
  )
  return outcome.detail
}
