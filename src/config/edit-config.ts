// Edits sallyport.yaml for people, touching nothing else: comments, order and alignment stay. The new text is inserted
// where it belongs, compared with what the YAML library would have made, checked whole, and swapped in by a rename, so
// that a reader sees the old file or the new one. A file that would not be valid is never written.

import { open, readFile, realpath, rename, stat, unlink } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { isMap, isSeq, stringify } from 'yaml'
import type { Document, YAMLSeq } from 'yaml'
import type { Binding, ProtocolVersion } from '../a2a/operations.ts'
import { isSystemError, systemReason } from '../base/system-error.ts'
import { decodeAgeFile } from './age.ts'
import { loadConfig, openConfig, valueAt } from './load-config.ts'
import type { LoadedConfig, LoadOptions } from './load-config.ts'
import { formatPath, suggest } from './problem.ts'
import type { ConfigPath, Problem } from './problem.ts'
import { readYaml } from './read-yaml.ts'

export type Edit =
  | { readonly ok: true; readonly changed: boolean; readonly loaded: LoadedConfig }
  | {
      readonly ok: false
      readonly problems: readonly Problem[]
      /** the problems are of what was to be added: their paths are its fields, '' for the whole */
      readonly ofItem: boolean
    }

/** Appends an agent to the list. Refused where the name is taken or the file would not be valid. */
export function addAgent(
  file: string,
  agent: {
    name: string
    url: string
    restUrl?: string
    cardUrl?: string
    grpcUrl?: string
    bindings?: readonly Binding[]
    speaks?: readonly ProtocolVersion[]
  },
  options: LoadOptions = {},
): Promise<Edit> {
  return edit(file, options, () => ({ path: ['agents'], item: agent }))
}

/** Lets `caller` have `role`: in the role's binding where there is one, else in a binding of its own. */
export function bindRole(file: string, role: string, caller: string, options: LoadOptions = {}): Promise<Edit> {
  return edit(file, options, ({ policy }) => {
    const names = policy.roles.map((candidate) => candidate.name)
    if (!names.includes(role))
      return { message: `there is no role ${JSON.stringify(role)}`, hint: suggest(role, names) }
    const bindings = policy.bindings
      .map((binding, index) => ({ ...binding, index }))
      .filter((binding) => binding.role === role && !binding.autonomous)
    if (bindings.some((binding) => binding.callers.includes(caller))) return undefined
    const index = bindings[0]?.index
    if (index === undefined) return { path: ['policy', 'bindings'], item: { role, callers: [caller] } }
    return { path: ['policy', 'bindings', index, 'callers'], item: caller }
  })
}

interface Append {
  readonly path: ConfigPath
  readonly item: unknown
}
/** undefined when there is nothing to do */
type Plan = Append | undefined | { readonly message: string; readonly hint: string }

async function edit(file: string, options: LoadOptions, plan: (config: LoadedConfig['config']) => Plan): Promise<Edit> {
  const loaded = await loadConfig(file, options)
  if (!loaded.ok) return { ...loaded, ofItem: false }
  const append = plan(loaded.config)
  if (append === undefined) return { ok: true, changed: false, loaded }
  if ('message' in append) return refuse(append.message, append.hint)
  try {
    const content = await readFile(file)
    if (decodeAgeFile(content) !== undefined)
      return refuse('the file is encrypted', 'decrypt it, change it, and encrypt it again')
    const before = content.toString('utf8')
    const after = appendItem(before, append.path, append.item)
    const checked = await openConfig(Buffer.from(after), file, options)
    if (!checked.ok) return blameItem(checked.problems, append, loaded.config)
    if (!(await replaceFile(file, before, after)))
      return refuse('the file was changed by someone else meanwhile', 'try again')
    return { ok: true, changed: true, loaded: checked }
  } catch (error) {
    if (!isSystemError(error)) throw error
    return refuse(
      `cannot be written: ${systemReason(error)}`,
      `check who owns ${file} and its folder, and that the disk has room`,
    )
  }
}

function refuse(message: string, hint: string): Edit {
  return { ok: false, ofItem: false, problems: [{ path: '', ...nowhere, received: '', message, hint }] }
}

/** The file with the item in it was never written, so there is no line to point at. */
const nowhere = { line: 0, column: 0 }

function blameItem(problems: readonly Problem[], { path }: Append, config: LoadedConfig['config']): Edit {
  const list = valueAt(config, path)
  const item = formatPath([...path, Array.isArray(list) ? list.length : 0])
  const ofItem = problems.filter((problem) => problem.path === item || problem.path.startsWith(`${item}.`))
  if (ofItem.length === 0)
    return { ok: false, ofItem: false, problems: problems.map((problem) => ({ ...problem, ...nowhere })) }
  return {
    ok: false,
    ofItem: true,
    problems: ofItem.map((problem) => ({ ...problem, ...nowhere, path: problem.path.slice(item.length + 1) })),
  }
}

/** The text with one more item in the list at `path`. */
function appendItem(text: string, path: ConfigPath, item: unknown): string {
  const yaml = readYaml(text)
  if (!yaml.ok) return text
  const { document } = yaml
  const spliced = spliceItem(text, document, path, item)
  addItem(document, path, item)
  // The insertion is kept only if it says exactly what the library's own edit says.
  const reread = spliced === undefined ? undefined : readYaml(spliced)
  if (spliced !== undefined && reread?.ok === true && isDeepStrictEqual(reread.value, document.toJS())) return spliced
  return document.toString({ lineWidth: 0 })
}

function addItem(document: Document, path: ConfigPath, item: unknown): void {
  const list: unknown = document.getIn(path)
  if (isSeq(list)) list.add(document.createNode(item, { flow: true }))
  else document.setIn(path, document.createNode([item]))
}

function spliceItem(text: string, document: Document, path: ConfigPath, item: unknown): string | undefined {
  const flow = stringify(item, { collectionStyle: 'flow', lineWidth: 0 }).trim()
  const list: unknown = document.getIn(path, true)
  if (isSeq(list) && list.range)
    return list.flow === true ? spliceFlow(text, list, flow) : spliceBlock(text, list, flow)
  const [key] = path
  if (list !== undefined || path.length > 1 || !isMap(document.contents) || document.contents.flow === true)
    return undefined
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${key}:\n  - ${flow}\n`
}

function spliceFlow(text: string, list: YAMLSeq, item: string): string {
  const [start = 0, end = 0] = list.range ?? []
  const inner = text.slice(start + 1, end - 1)
  const at = start + 1 + inner.trimEnd().length
  return `${text.slice(0, at)}${inner.trim() === '' ? '' : ', '}${item}${text.slice(at)}`
}

function spliceBlock(text: string, list: YAMLSeq, item: string): string | undefined {
  const last = list.items.at(-1) as { range?: [number, number, number] | null } | undefined // items of a parsed list are nodes
  const start = list.range?.[0]
  const end = last?.range?.[1]
  if (start === undefined || end === undefined) return undefined
  const indent = ' '.repeat(start - (text.lastIndexOf('\n', start - 1) + 1))
  const lineEnd = text[end - 1] === '\n' ? end - 1 : text.indexOf('\n', end)
  const head = lineEnd < 0 ? text : text.slice(0, lineEnd)
  return `${head}\n${indent}- ${item}${lineEnd < 0 ? '\n' : text.slice(lineEnd)}`
}

/** Swaps the content in one step, behind a symbolic link too; false when the file is no longer what was read. */
async function replaceFile(file: string, before: string, after: string): Promise<boolean> {
  const target = await realpath(file)
  const { mode, uid, gid } = await stat(target)
  const temporary = `${target}.${process.pid}.tmp`
  const handle = await open(temporary, 'wx', mode & 0o777)
  try {
    try {
      await handle.writeFile(after)
      await handle.chmod(mode & 0o777)
      // Keeps the owner where we may; another user's file in our folder stays readable to them or fails below.
      await handle.chown(uid, gid).catch(() => undefined)
      await handle.sync()
    } finally {
      await handle.close()
    }
    if ((await readFile(target, 'utf8')) === before) {
      await rename(temporary, target)
      return true
    }
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw error
  }
  await unlink(temporary)
  return false
}
