// Grants that a task holds, kept over a restart in `dataDir/grants.json`: which call to which agent, which tasks, until
// when; no name of anybody. Written every few seconds and at the end, so a crash loses at most the latest, and what is
// lost is refused. What had ended by the index of owners when the process died is not taken up again.

import { readFile } from 'node:fs/promises'
import { nodeFiles, replaceFile } from '../audit/audit.ts'
import { isTerminal, type GrantBook, type KeptGrant } from '../authenticate/authenticate.ts'
import { isJsonObject, parseStrictJson, type JsonValue } from '../base/strict-json.ts'

export interface GrantFile {
  /** writes what is not written yet, and stops */
  close(): Promise<void>
}

/** Assertions of version 1 did not say the groups of agents between, and denies on these must hold: they count no more. */
const fileVersion = 2
const writeIntervalMs = 5_000
const maxFileBytes = 16 * 1024 * 1024 // bound: the file of grants
const fileBounds = { maxDepth: 8, maxNodes: 2_000_000 }

/** `stateOf` is what an agent last said of a task, '' when that is not known. */
export async function keepGrants(options: {
  readonly path: string
  readonly grants: GrantBook
  readonly stateOf: (agent: string, tenant: string, taskId: string) => string
  readonly warn: (message: string) => void
}): Promise<GrantFile> {
  const { path, grants, stateOf, warn } = options
  const kept = await readGrants(path, warn)
  grants.restore(
    kept.map((grant) => ({
      ...grant,
      tasks: grant.tasks.filter(([tenant, taskId]) => !isTerminal(stateOf(grant.agent, tenant, taskId))),
    })),
  )
  let written = -1
  let writing: Promise<void> = Promise.resolve()
  const write = async (): Promise<void> => {
    const { version } = grants
    if (version === written) return
    await replaceFile(nodeFiles, path, Buffer.from(JSON.stringify({ v: fileVersion, grants: grants.kept() })))
    written = version
  }
  const flush = (): Promise<void> => (writing = writing.then(write, write))
  // a disk that does not take it now is asked again
  const timer = setInterval(() => void flush().catch(() => undefined), writeIntervalMs)
  timer.unref()
  return {
    async close() {
      clearInterval(timer)
      await flush().catch((error: unknown) => warn(`grants could not be kept for the next start: ${String(error)}`))
    },
  }
}

/** Whatever is wrong with the file: agents have to be called anew, and nothing else is lost. */
async function readGrants(path: string, warn: (message: string) => void): Promise<readonly KeptGrant[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT'))
      warn(`grants of before could not be read, and count no more: ${String(error)}`)
    return []
  }
  const parsed = text.length > maxFileBytes ? undefined : parseStrictJson(text, fileBounds)
  const kept = parsed?.ok === true && isJsonObject(parsed.value) ? parsed.value : undefined
  const grants = kept?.['v'] === fileVersion ? kept['grants'] : undefined
  if (!Array.isArray(grants)) {
    warn(`${path} is not a file of grants of this version, and those of before count no more`)
    return []
  }
  return grants.flatMap(readGrant)
}

function readGrant(value: JsonValue): KeptGrant[] {
  if (!isJsonObject(value)) return []
  const { call, agent, deadlineMs, tasks } = value
  if (typeof call !== 'string' || typeof agent !== 'string' || typeof deadlineMs !== 'number') return []
  if (!Array.isArray(tasks)) return []
  const pairs = tasks.flatMap((task): [string, string][] => {
    const [tenant, taskId] = Array.isArray(task) ? task : []
    return typeof tenant === 'string' && typeof taskId === 'string' ? [[tenant, taskId]] : []
  })
  return [{ call, agent, deadlineMs, tasks: pairs }]
}
