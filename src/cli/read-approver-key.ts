// The API key by which an approver says who they are, from `file:PATH` or `env:NAME`.

import { existsSync } from 'node:fs'
import { referencedPath, SecretReader } from '../config/config.ts'
import type { Input } from './command.ts'
import { CommandError } from './io.ts'

export function readApproverKey(input: Input, reference: string): string {
  const path = reference.startsWith('file:') ? referencedPath(reference, input.io.cwd) : undefined
  if (path !== undefined && !existsSync(path)) throw new CommandError(2, `there is no file ${path}`, 'check --as')
  return new SecretReader(input.io.cwd).resolve(reference).text().trim()
}
