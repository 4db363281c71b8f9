// The types of the walk are what makes a skipped check fail to compile, and a cast is the only way around them. Each
// brand may be minted only in the folder of its stage; the few other places that shape a branded call are written
// here, each with its reason. Fakes for tests are no product and may cast.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { folderOf } from './boundaries.ts'
import { productFiles, root, withoutComments, type SourceFile } from './files.ts'

const homes = {
  Received: 'listen',
  Authenticated: 'authenticate',
  Routed: 'route',
  Discovering: 'route',
  Exchanging: 'route',
  Validated: 'validate',
  Authorized: 'authorize',
  Admitted: 'limit',
  Released: 'release',
} as const

type Brand = keyof typeof homes
const brands = Object.keys(homes).join('|')

/** Ways to make a branded value: a cast, a predicate, and a literal that a spread gives the brand of another. */
const mints: readonly { readonly kind: string; readonly pattern: RegExp }[] = [
  { kind: 'cast', pattern: new RegExp(`\\bas\\s+(?:(?:unknown|any|never)\\s+as\\s+)?(${brands})\\b`, 'g') },
  { kind: 'predicate', pattern: new RegExp(`\\bis\\s+(${brands})\\b`, 'g') },
  { kind: 'literal', pattern: new RegExp(`:\\s*(${brands})\\s*=\\s*\\{`, 'g') },
  { kind: 'literal', pattern: new RegExp(`\\{[^{}]*\\}\\s*satisfies\\s+(${brands})\\b`, 'g') },
]

/** `file: kind Brand` → why it is no hole. */
const exceptions: Readonly<Record<string, string>> = {
  'src/pipeline/pipeline.ts: predicate Exchanging': 'tells apart the branded answers of route, and mints none',
  'src/pipeline/pipeline.ts: predicate Discovering': 'tells apart the two branded answers of route, and mints neither',
  'src/pipeline/follow-task.ts: literal Admitted':
    'SubscribeToTask in place of a message that was sent before, within what was admitted; authorize decides it anew',
  'src/pipeline/read-tasks.ts: literal Admitted':
    "one GetTask for each of the caller's own tasks, within an admitted ListTasks: the ids come from the index of owners",
}

function findMints(files: readonly SourceFile[]): { where: string; brand: Brand; kind: string }[] {
  return files.flatMap(({ path, text }) => {
    const code = withoutComments(text)
    return mints.flatMap(({ kind, pattern }) =>
      // the pattern names only brands
      [...code.matchAll(pattern)].map((match) => ({ where: path, brand: match[1] as Brand, kind })),
    )
  })
}

const isForeign = ({ where, brand, kind }: ReturnType<typeof findMints>[number]): boolean =>
  folderOf(where) !== homes[brand] && !Object.hasOwn(exceptions, `${where}: ${kind} ${brand}`)

test('each brand is minted only in the folder of its stage', () => {
  assert.deepEqual(findMints(productFiles()).filter(isForeign), [])
})

test('each brand is minted in one file, and is minted at all', () => {
  const found = findMints(productFiles()).filter(({ kind }) => kind === 'cast')
  for (const brand of Object.keys(homes)) {
    const places = new Set(found.filter((mint) => mint.brand === brand).map(({ where }) => where))
    assert.equal(places.size, 1, `${brand}: ${[...places].join(', ')}`)
  }
})

test('no exception outlives what it was written for', () => {
  const found = findMints(productFiles()).map(({ where, kind, brand }) => `${where}: ${kind} ${brand}`)
  for (const exception of Object.keys(exceptions)) assert.ok(found.includes(exception), exception)
})

test('the symbol behind the brands is not given away', () => {
  const text = withoutComments(readFileSync(join(root, 'src/exchange/exchange.ts'), 'utf8'))
  assert.match(text, /^declare const brand: unique symbol$/m)
  assert.match(text, /^interface Brand</m)
  assert.doesNotMatch(text, /export\s*\{[^}]*\b[Bb]rand\b/)
})

test('catches a brand that is minted elsewhere, in every manner', () => {
  const elsewhere = [
    'return fields as Admitted',
    'return fields as unknown as Admitted',
    'return fields as\n  unknown as\n  Admitted',
    'const call: Admitted = { ...other, taskId }',
    'const isIt = (value: object): value is Admitted => true',
    'const call = { ...other } satisfies Admitted',
  ]
  for (const text of elsewhere) {
    assert.equal(findMints([{ path: 'src/forward/x.ts', text }]).filter(isForeign).length, 1, text)
  }
})

test('lets the stage itself mint, and everyone name the type', () => {
  assert.deepEqual(findMints([{ path: 'src/limit/limit.ts', text: 'return fields as Admitted' }]).filter(isForeign), [])
  for (const text of ['// as Admitted', 'import { x as Admission } from "./y.ts"', '(call: Admitted): Refusal => no']) {
    assert.deepEqual(findMints([{ path: 'src/forward/x.ts', text }]), [], text)
  }
})
