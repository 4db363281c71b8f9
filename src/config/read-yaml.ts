// Reads YAML strictly: version 1.2 core schema, no tags of one's own, no duplicate keys, no merge keys, string keys
// only, bounded size and bounded expansion of aliases. Never throws on a file's content: it reports places instead.

import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Document, Node } from 'yaml'
import type { ConfigPath } from './problem.ts'

/** A file larger than this is a mistake or an attack on the loader, not a configuration. */
const maxFileChars = 8 * 1024 * 1024 // bound: the configuration file
/** How often values behind anchors may be expanded: a thousand laughs need many more. */
const maxAliases = 200
/** Syntax errors follow from one another; the first few say it. */
const maxComplaints = 20

export interface Place {
  readonly line: number
  readonly column: number
}

export interface YamlProblem extends Place {
  readonly message: string
}

export type YamlFile =
  | {
      readonly ok: true
      readonly value: unknown
      readonly document: Document
      place(path: ConfigPath, atKey?: boolean): Place
    }
  | { readonly ok: false; readonly problems: readonly YamlProblem[] }

export function readYaml(text: string): YamlFile {
  if (text.length > maxFileChars) return refuse('the file is larger than 8 MiB')
  const lines = new LineCounter()
  try {
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      merge: false,
      resolveKnownTags: false,
      stringKeys: true,
      uniqueKeys: true,
      strict: true,
      prettyErrors: false,
      // Not 'silent': that would drop the complaint about a second document in the file.
      logLevel: 'error',
      lineCounter: lines,
    })
    // A warning here is an unknown tag or directive: something the file means and we would not do.
    const complaints = [...document.errors, ...document.warnings]
    // The parser catches its own exhausted stack, then complains once for every level.
    if (complaints.some((complaint) => complaint.message.startsWith('Maximum call stack')))
      return refuse('the file is nested too deeply')
    if (complaints.length > 0) {
      const told = complaints.slice(0, maxComplaints)
      return {
        ok: false,
        problems: told.map((complaint) => ({
          ...placeOf(lines, complaint.pos[0]),
          message: lowerFirst(complaint.message),
        })),
      }
    }
    const value: unknown = document.toJS({ maxAliasCount: maxAliases })
    return { ok: true, value, document, place: (path, atKey = false) => locate(document, lines, path, atKey) }
  } catch (error) {
    // The library throws on alias bombs, unresolvable aliases and nesting that exhausts the stack.
    return refuse(
      error instanceof RangeError
        ? 'the file is nested too deeply'
        : lowerFirst(error instanceof Error ? error.message : String(error)),
    )
  }
}

function refuse(message: string): YamlFile {
  return { ok: false, problems: [{ line: 1, column: 1, message }] }
}

/** The place of a value or of its key; where the path ends early, the place of the nearest thing around it. */
function locate(document: Document, lines: LineCounter, path: ConfigPath, atKey: boolean): Place {
  let node: Node | null | undefined = document.contents
  let offset = node?.range?.[0] ?? 0
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document)
    let next: unknown
    let keyOffset: number | undefined
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step)
      if (isNode(pair?.key)) keyOffset = pair.key.range?.[0]
      next = pair?.value
    } else if (isSeq(node) && typeof step === 'number') {
      next = node.items[step]
    }
    const nextNode: Node | undefined = isNode(next) ? next : undefined
    const nextOffset: number | undefined =
      atKey && depth === path.length - 1 ? keyOffset : (nextNode?.range?.[0] ?? keyOffset)
    if (nextOffset === undefined) break
    offset = nextOffset
    node = nextNode
  }
  return placeOf(lines, offset)
}

function placeOf(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

function lowerFirst(text: string): string {
  const first = text.split('\n')[0] ?? ''
  return first.charAt(0).toLowerCase() + first.slice(1)
}
