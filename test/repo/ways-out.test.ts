// One dialler opens every connection that the gateway makes (design: forward). Whoever could call out beside it would
// go around its bounds, its verified TLS and whatever it will refuse. Local sockets of the control line are written here.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { productFiles, withoutComments, type SourceFile } from './files.ts'
import { readImports } from './imports.ts'

/** Modules that can open a connection or start something that can. */
const modules: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'node:http': {
    'src/listen': 'serves callers',
    'src/admin': 'serves operators on loopback',
    'src/witness': 'serves logs that ask for cosignatures, in a process of its own',
  },
  'node:net': {
    'src/listen': 'accepts sockets, reads addresses',
    'src/serve/control-server.ts': 'the control socket, and a probe whether somebody answers on it',
    'src/cli/control-client.ts': 'the control socket',
    'src/config': 'isIP',
    'src/base': 'isIPv6',
    'src/authorize': 'networks in conditions',
  },
  'node:tls': {
    'src/listen': 'serves TLS',
    'src/config/check-secret-content.ts': 'has OpenSSL read revocation lists',
  },
  'node:https': {},
  'node:http2': { 'src/listen': 'serves callers; never its `connect`, by the test below' },
  'node:dgram': {},
  'node:dns': {},
  'node:dns/promises': {},
  'node:child_process': {},
  'node:worker_threads': {
    'src/audit/checksum-thread.ts': 'starts the thread that checks checksums while the verifier hashes',
    'src/audit/checksum-worker.ts': 'its end of the message port',
    'src/serve/ledger-reading.ts': 'starts a thread for a search or a proof of the admin API',
    'src/serve/ledger-reading-worker.ts': 'its end of the message port',
    'src/store/index-writer.ts': 'its end of the message port',
    'src/store/writer-thread.ts': 'starts the one thread that writes index.db',
  },
  'node:cluster': {},
  'node:vm': {},
  'node:inspector': {},
  undici: { 'src/forward': 'the dialler and what it hands out' },
}

/** Names that open a connection, wherever they come from. */
const callers =
  /(?<![#.\w])fetch\s*\(|\bglobalThis\b|\bnew (WebSocket|EventSource|XMLHttpRequest)\b|\bhttp\.(request|get)\b/
const connecting = /\b(createConnection|connect)\b/

const isListed = (module: string, path: string): boolean =>
  Object.keys(modules[module] ?? {}).some((place) => path === place || path.startsWith(`${place}/`))

function findWaysOut(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const imports = readImports(file).filter((each) => !each.isTypesOnly && Object.hasOwn(modules, each.specifier))
    const unlisted = imports
      .filter((each) => !isListed(each.specifier, file.path))
      .map((each) => `${file.path}: ${each.specifier}`)
    return callers.test(withoutComments(file.text)) ? [...unlisted, `${file.path}: calls out`] : unlisted
  })
}

test('nothing but the dialler can call out', () => {
  assert.deepEqual(findWaysOut(productFiles()), [])
})

test('a connection over node:net or node:http2 is made to the control socket only', () => {
  const found = productFiles().filter(
    ({ text }) => /import\b[^;'"]*'node:(net|tls|http2)'/.test(text) && connecting.test(importedNames(text)),
  )
  assert.deepEqual(
    found.map(({ path }) => path),
    ['src/cli/control-client.ts', 'src/serve/control-server.ts'],
  )
})

function importedNames(text: string): string {
  return [...text.matchAll(/import\s*\{([^}]*)\}\s*from\s*'node:(?:net|tls|http2)'/g)]
    .map((match) => match[1] ?? '')
    .join(',')
}

test('catches each way around the dialler', () => {
  const ways = [
    `import { request } from 'node:https'`,
    `import { Agent } from 'undici'`,
    `await fetch(url)`,
    `await globalThis.fetch(url)`,
    `new WebSocket(url)`,
    `import { execFile } from 'node:child_process'`,
    `const dns = await import('node:dns')`,
  ]
  for (const text of ways) assert.equal(findWaysOut([{ path: 'src/discover/x.ts', text }]).length, 1, text)
  for (const text of [
    `import type { Dispatcher } from 'undici'`,
    '// fetch(url)',
    'parts.fetchCard(agent)',
    'this.#fetch(id)',
    'prefetch(x)',
  ]) {
    assert.deepEqual(findWaysOut([{ path: 'src/discover/x.ts', text }]), [], text)
  }
})
