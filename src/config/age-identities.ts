// The identities that decrypt what is encrypted in a configuration: from a file that was named, or from the
// environment, there as they are or as `file:PATH`. One a line; what begins with # is a comment.

import { resolve } from 'node:path'
import { Fault } from '../base/fault.ts'
import { Secret } from '../base/secret.ts'
import { readSecretFile } from '../base/secret-file.ts'
import type { Environment } from './secrets.ts'

const variable = 'SALLYPORT_AGE_IDENTITY'
const maxIdentityBytes = 64 * 1024 // bound: a file of age identities
const maxIdentities = 16 // bound: age identities

/** `file` is absolute, and wins over the environment. Empty when none are given. Throws a Fault, KEY_UNREADABLE. */
export function readIdentities(file: string | undefined, env: Environment): Secret[] {
  if (file !== undefined) return parseIdentities(readFile(file), file)
  const given = Object.hasOwn(env, variable) ? env[variable] : undefined
  if (given === undefined || given === '') return []
  if (!given.startsWith('file:')) return parseIdentities(given, variable)
  const path = resolve(given.slice('file:'.length))
  return parseIdentities(readFile(path), path)
}

function readFile(path: string): string {
  const bytes = readSecretFile(path, maxIdentityBytes)
  if (bytes === undefined) throw unusable(path, 'there is no such file')
  return bytes.toString('utf8')
}

function parseIdentities(text: string, where: string): Secret[] {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  if (lines.length === 0) throw unusable(where, 'it holds none')
  if (lines.length > maxIdentities) throw unusable(where, `it holds more than ${maxIdentities}`)
  for (const line of lines)
    if (!/^AGE-SECRET-KEY-(PQ-)?1[02-9A-Z]{20,4000}$/.test(line))
      throw unusable(where, 'it holds what is no AGE-SECRET-KEY-1… or AGE-SECRET-KEY-PQ-1…')
  return lines.map((line) => Secret.ofText(line))
}

function unusable(where: string, why: string): Fault {
  return new Fault('KEY_UNREADABLE', `the age identities of ${where} cannot be used: ${why}`, {
    hint: 'make one: age-keygen; plugins and passphrases are not supported',
  })
}
