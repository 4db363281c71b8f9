// An export of a ledger as text, and its verification from text: for tests that change what lies between.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportLog, type ExportOptions, type ExportSummary } from '../../src/audit/export-bundle.ts'
import { nodeFiles } from '../../src/audit/files.ts'
import type { TrustedKeys } from '../../src/audit/trusted-keys.ts'
import { verifyExport } from '../../src/audit/verify-bundle.ts'
import { sampleKeyEncryptionKey } from './sample-ledger.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface Exported {
  readonly text: string
  readonly summary: ExportSummary
}

export async function exportText(dir: string, options: Partial<ExportOptions> = {}): Promise<Exported | undefined> {
  const path = join(temporaryFolder(), 'export.jsonl')
  const summary = await exportLog(dir, path, {
    filter: {},
    queryText: '',
    withEvents: false,
    keyEncryptionKey: sampleKeyEncryptionKey,
    createdAt: '2026-11-24T09:00:00.000Z',
    ...options,
  })
  return summary && { text: readFileSync(path, 'utf8'), summary }
}

export async function verifyText(text: string | Buffer, trusted: TrustedKeys): ReturnType<typeof verifyExport> {
  const path = join(temporaryFolder(), 'export.jsonl')
  writeFileSync(path, text)
  const file = await nodeFiles.open(path, 'read')
  try {
    return await verifyExport(file, { trusted })
  } finally {
    await file.close()
  }
}
