// The version of the product, from the one place that has it: package.json, two folders up from here both in the
// sources and in what is compiled from them.

import { readFileSync } from 'node:fs'
import { invariant } from './invariant.ts'

export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const version: unknown = Reflect.get(Object(manifest), 'version')
  invariant(typeof version === 'string', 'package.json names a version')
  return version
}
