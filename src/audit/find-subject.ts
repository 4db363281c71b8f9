// Finds the pseudonyms under which a log speaks of a subject, by its tag in subjects.keys and with the key-encryption
// key. A subject whose lines were destroyed is not found: that is what destroying them is for.

import { join } from 'node:path'
import { nodeFiles, type FileSystem } from './files.ts'
import { readLines } from './read-lines.ts'
import { createKeyWrapper, maxLineBytes, parseSubjectLine, type SubjectLine } from './subject-line.ts'

interface Log {
  /** the folder of the log */
  readonly dir: string
  readonly origin: string
  readonly keyEncryptionKey: Buffer
  readonly fs?: FileSystem
}

/** Base64url; none when the log has never met the subject, or has forgotten it. */
export async function findPseudonyms(log: Log, subject: string): Promise<string[]> {
  return [...new Set((await findSubjectLines(log, subject)).map(({ pseudonym }) => pseudonym))]
}

/** What the log has of a subject, one for each month. */
export async function findSubjectLines(log: Log, subject: string): Promise<{ line: SubjectLine; pseudonym: string }[]> {
  const wrapper = createKeyWrapper(log.keyEncryptionKey, log.origin)
  const tag = wrapper.tagOf(subject).toString('base64url')
  const found: { line: SubjectLine; pseudonym: string }[] = []
  for await (const line of linesOf(log, (text) => text.includes(tag))) {
    const secret = wrapper.unwrap(line)
    if (secret?.subject === subject) found.push({ line, pseudonym: secret.pseudonym.toString('base64url') })
  }
  return found
}

/** Whether the key-encryption key is the log's; one without a subject is opened by every key. */
export async function opensLog(log: Log): Promise<boolean> {
  if (!(await (log.fs ?? nodeFiles).list(log.dir)).includes('subjects.keys')) return false
  const wrapper = createKeyWrapper(log.keyEncryptionKey, log.origin)
  for await (const line of linesOf(log, () => true)) return wrapper.unwrap(line) !== undefined
  return true
}

async function* linesOf(log: Log, isWanted: (text: string) => boolean): AsyncGenerator<SubjectLine, void, undefined> {
  const files = log.fs ?? nodeFiles
  if (!(await files.list(log.dir)).includes('subjects.keys')) return
  const file = await files.open(join(log.dir, 'subjects.keys'), 'read')
  try {
    for await (const { text, isWhole } of readLines(file, maxLineBytes)) {
      const line = isWhole && isWanted(text) ? parseSubjectLine(text) : undefined
      if (line !== undefined) yield line
    }
  } finally {
    await file.close()
  }
}
