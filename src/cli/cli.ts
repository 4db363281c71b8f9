// Door of the command line: finds the command that was typed and turns what it throws into `error:` and `hint:` with
// an exit code. Heavy parts are loaded only by the command that needs them, so that --help is quick.

import { Fault } from '../base/fault.ts'
import { nearest } from '../base/nearest.ts'
import { isSystemError, systemReason } from '../base/system-error.ts'
import { readVersion } from '../base/version.ts'
import { formatHelp, parseArguments } from './command.ts'
import type { Command } from './command.ts'
import { CommandError, printable, printError } from './io.ts'
import type { ExitCode, Io } from './io.ts'
import type { Ports } from './ports.ts'

interface Entry {
  readonly summary: string
  load(): Promise<{ readonly command: Command }>
}

const entries: Readonly<Record<string, Entry>> = {
  demo: { summary: 'run everything in one process, with sample agents', load: () => import('./demo.ts') },
  serve: { summary: 'run the gateway', load: () => import('./serve.ts') },
  'config check': { summary: 'check the configuration; needs no network', load: () => import('./config-check.ts') },
  'config show': { summary: 'show the configuration, or what is effective', load: () => import('./config-show.ts') },
  'config schema': { summary: 'print the JSON Schema of the configuration', load: () => import('./config-schema.ts') },
  'config encrypt': {
    summary: 'encrypt a value for the configuration, or a whole one',
    load: () => import('./config-encrypt.ts'),
  },
  'key create': { summary: 'make an API key and print it, once', load: () => import('./key-create.ts') },
  'key import': { summary: 'take up an API key that was made elsewhere', load: () => import('./key-import.ts') },
  'key list': { summary: 'list API keys, never their secrets', load: () => import('./key-list.ts') },
  'key rotate': {
    summary: 'give a key a new secret; the old one works on for a while',
    load: () => import('./key-rotate.ts'),
  },
  'key revoke': { summary: 'revoke a key at once', load: () => import('./key-revoke.ts') },
  'admin bootstrap': {
    summary: 'make a token that opens one first session of the admin API, and print it, once',
    load: () => import('./admin-bootstrap.ts'),
  },
  'admin sessions': { summary: 'list who is logged in at the admin API', load: () => import('./admin-sessions.ts') },
  'admin logout': { summary: 'end a session of the admin API at once', load: () => import('./admin-logout.ts') },
  'secret set': {
    summary: 'store a secret, sealed, for references secret:NAME',
    load: () => import('./secret-set.ts'),
  },
  'secret list': { summary: 'list stored secrets, never their values', load: () => import('./secret-list.ts') },
  'secret remove': { summary: 'remove a stored secret', load: () => import('./secret-remove.ts') },
  'secrets rotate': {
    summary: 'seal everything under new keys, while the gateway runs',
    load: () => import('./secrets-rotate.ts'),
  },
  'assertion rotate-key': {
    summary: 'give the gateway a new key for what it tells agents about callers',
    load: () => import('./assertion-rotate-key.ts'),
  },
  'block caller': { summary: 'block a caller or group at once', load: () => import('./block-caller.ts') },
  'block agent': { summary: 'block an agent at once', load: () => import('./block-agent.ts') },
  'block list': { summary: 'list who is blocked', load: () => import('./block-list.ts') },
  'unblock caller': { summary: 'end the block of a caller or group', load: () => import('./unblock-caller.ts') },
  'unblock agent': { summary: 'end the block of an agent', load: () => import('./unblock-agent.ts') },
  'token revoke': {
    summary: 'revoke a token, or all that a subject was given before a time',
    load: () => import('./token-revoke.ts'),
  },
  'token revocations': { summary: 'list what is revoked', load: () => import('./token-revocations.ts') },
  'agent add': { summary: 'add an agent to the configuration', load: () => import('./agent-add.ts') },
  'agent list': { summary: 'list the configured agents', load: () => import('./agent-list.ts') },
  'agent inspect': { summary: "fetch an agent's card and show what it says", load: () => import('./agent-inspect.ts') },
  'policy check': { summary: 'compile the policy', load: () => import('./policy-check.ts') },
  'policy explain': {
    summary: 'say which rule allows or denies a call, and why',
    load: () => import('./policy-explain.ts'),
  },
  'policy matrix': { summary: 'show who may do what', load: () => import('./policy-matrix.ts') },
  'policy test': { summary: 'check a file of expectations', load: () => import('./policy-test.ts') },
  'policy replay': {
    summary: 'say who would gain and lose access under another policy, from recorded calls',
    load: () => import('./policy-replay.ts'),
  },
  'policy suggest': {
    summary: 'write the least policy that recorded calls needed',
    load: () => import('./policy-suggest.ts'),
  },
  'policy bind': { summary: 'give a role to a caller in the configuration', load: () => import('./policy-bind.ts') },
  'approval list': { summary: 'list the calls that wait for a person', load: () => import('./approval-list.ts') },
  'approval grant': { summary: 'let a call that waits pass once', load: () => import('./approval-grant.ts') },
  'approval deny': { summary: 'refuse a call that waits', load: () => import('./approval-deny.ts') },
  'audit verify': { summary: 'verify the ledger offline', load: () => import('./audit-verify.ts') },
  'audit rotate-key': {
    summary: 'give a log a new signing key; the old one signs beside it for a while',
    load: () => import('./audit-rotate-key.ts'),
  },
  'audit begin-anew': {
    summary: 'set a log aside that cannot be gone on with, and begin a new one that says so',
    load: () => import('./audit-begin-anew.ts'),
  },
  'audit erase': {
    summary: 'make all records of a subject unreadable, for good',
    load: () => import('./audit-erase.ts'),
  },
  'audit hold': { summary: 'keep a subject, or everything, from being erased', load: () => import('./audit-hold.ts') },
  'audit holds': { summary: 'list the legal holds', load: () => import('./audit-holds.ts') },
  'audit release': { summary: 'release a legal hold', load: () => import('./audit-release.ts') },
  'audit prune': {
    summary: 'remove what audit.retention lets go; the gateway does so once a day',
    load: () => import('./audit-prune.ts'),
  },
  'audit tail': { summary: 'show the latest records', load: () => import('./audit-tail.ts') },
  'audit search': { summary: 'find records', load: () => import('./audit-search.ts') },
  'audit reindex': { summary: 'make the search index anew', load: () => import('./audit-reindex.ts') },
  'audit prove': { summary: 'write a proof that a record is in the ledger', load: () => import('./audit-prove.ts') },
  'audit verify-proof': { summary: 'check such a proof offline', load: () => import('./audit-verify-proof.ts') },
  'audit disclose': {
    summary: 'write a proof that opens chosen fields of a record',
    load: () => import('./audit-disclose.ts'),
  },
  'audit export': {
    summary: 'write the records of a range, to be verified elsewhere',
    load: () => import('./audit-export.ts'),
  },
  'audit verify-export': { summary: 'check such an export offline', load: () => import('./audit-verify-export.ts') },
  'audit verify-receipt': {
    summary: "check a caller's receipt against the ledger",
    load: () => import('./audit-verify-receipt.ts'),
  },
  'witness serve': {
    summary: 'run a witness: cosign checkpoints of logs that others run',
    load: () => import('./witness-serve.ts'),
  },
  'witness key': { summary: 'print the verifier keys of a witness', load: () => import('./witness-key.ts') },
}

/** Runs one command line. Never throws; the exit code says how it went. */
export async function runCli(words: readonly string[], io: Io, loadPorts: () => Promise<Ports>): Promise<ExitCode> {
  try {
    return await dispatch(words, io, loadPorts)
  } catch (error) {
    if (error instanceof CommandError) {
      printError(io, error.message, error.hint)
      return error.exitCode
    }
    if (error instanceof Fault) {
      printError(io, error.message, error.hint)
      return error.code === 'CONFIG_INVALID' || error.code === 'CONTROL_FAILED' ? 2 : 3
    }
    if (isSystemError(error)) {
      printError(io, describeSystemError(error), 'check the path, who owns it, and that the disk has room')
      return 3
    }
    printError(
      io,
      `internal error: ${error instanceof Error ? error.message : String(error)}`,
      'this is a bug; please report it',
    )
    const frames = error instanceof Error ? (error.stack ?? '').split('\n').slice(1) : []
    for (const frame of frames) io.err(`${printable(frame)}\n`)
    return 3
  }
}

/** The world's doing, not a bug. */
function describeSystemError(error: NodeJS.ErrnoException): string {
  return `cannot use ${error.path ?? `the system (${error.syscall})`}: ${systemReason(error)}`
}

async function dispatch(words: readonly string[], io: Io, loadPorts: () => Promise<Ports>): Promise<ExitCode> {
  const first = words[0]
  if (first === '--help' || first === '-h' || first === 'help') {
    io.out(formatOverview(''))
    return 0
  }
  if (first === '--version' || first === '-v') {
    io.out(words.includes('--json') ? `${JSON.stringify({ version: readVersion() })}\n` : `${readVersion()}\n`)
    return 0
  }
  if (first === undefined) {
    io.err(formatOverview(''))
    return 2
  }
  const { title, entry, rest } = find(words)
  if (entry === undefined) return showGroup(title, rest, io)
  const { command } = await entry.load()
  const parsed = parseArguments(title, command, rest)
  if (parsed.flag('help')) {
    io.out(formatHelp(title, entry.summary, command))
    return 0
  }
  let ports: Promise<Ports> | undefined
  return command.run({ ...parsed, io, json: parsed.flag('json'), ports: () => (ports ??= loadPorts()) })
}

/** `entry` is undefined when only a group such as `key` was named. */
function find(words: readonly string[]): { title: string; entry?: Entry; rest: readonly string[] } {
  const [first = '', second = ''] = words
  for (const [title, rest] of [
    [`${first} ${second}`, words.slice(2)],
    [first, words.slice(1)],
  ] as const) {
    const entry = Object.hasOwn(entries, title) ? entries[title] : undefined
    if (entry !== undefined) return { title, entry, rest }
  }
  const groups = [...new Set(Object.keys(entries).map((title) => title.split(' ')[0] ?? title))]
  if (groups.includes(first)) return { title: first, rest: words.slice(1) }
  if (first.startsWith('-'))
    throw new CommandError(2, `unknown flag ${first}`, 'flags come after the command; see: sallyport --help')
  const near = nearest(first, groups)
  throw new CommandError(
    2,
    `unknown command ${JSON.stringify(first)}`,
    near === undefined ? 'see: sallyport --help' : `did you mean: sallyport ${near}`,
  )
}

/** What no command does: the nearest one in letters would do the opposite. */
const byHand: Readonly<Record<string, string>> = {
  'policy unbind': 'remove it from policy.bindings in sallyport.yaml',
}

function showGroup(group: string, rest: readonly string[], io: Io): ExitCode {
  const members = Object.keys(entries)
    .filter((title) => title.startsWith(`${group} `))
    .map((title) => title.slice(group.length + 1))
  const word = rest[0]
  if (word === '--help' || word === '-h') {
    io.out(formatOverview(`${group} `))
    return 0
  }
  const listed = `one of ${members.join(', ')}`
  if (word === undefined || word.startsWith('-')) throw new CommandError(2, `${group} needs a command`, listed)
  const title = `${group} ${word}`
  if (Object.hasOwn(byHand, title)) throw new CommandError(2, `unknown command ${JSON.stringify(title)}`, byHand[title])
  const near = nearest(word, members)
  throw new CommandError(
    2,
    `unknown command ${JSON.stringify(title)}`,
    near === undefined ? listed : `did you mean: sallyport ${group} ${near}`,
  )
}

function formatOverview(prefix: string): string {
  const listed = Object.entries(entries).filter(([title]) => title.startsWith(prefix))
  const width = Math.max(...listed.map(([title]) => title.length))
  const lines = listed.map(([title, entry]) => `  ${title.padEnd(width)}  ${entry.summary}`)
  return `sallyport: a zero-trust gateway for A2A agents\n\nusage: sallyport ${prefix === '' ? 'COMMAND' : `${prefix}COMMAND`} [flags]\n\n${lines.join('\n')}\n\nevery command takes --help and --json; --version prints the version\n`
}
