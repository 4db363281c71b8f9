// docs/limits-and-bounds.md promises defaults and fixed bounds; the schema has the ones, `// bound: …` comments mark the
// others in the code. Both sides say the same, and every bound is in a table.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configSchema, parseDuration, parseRate, parseSize } from '../../src/config/config.ts'
import { productFiles, readFiles, readTable } from './files.ts'

const document = readFiles(['docs/limits-and-bounds.md'])[0]?.text ?? ''
const bounds: Readonly<Record<string, unknown>> = configSchema.parse({}).gateway.bounds

test('every bound of the gateway is in the table with its default, and nothing else is', () => {
  const rows = readTable(document, 'field')
  assert.deepEqual(
    rows.map(([name]) => name),
    Object.keys(bounds),
  )
  for (const [name = '', text = ''] of rows) {
    const value = parseDuration(text) ?? parseSize(text)
    assert.equal(value, bounds[name], name)
  }
})

test('the other defaults are those of the schema', () => {
  const config = configSchema.parse({
    agents: [{ name: 'a', url: 'http://127.0.0.1:1' }],
    identity: { jwt: [{ name: 'i', issuer: 'i', audience: 'a', algorithms: ['ES256'], jwks: 'file:k' }] },
  })
  const roots: Readonly<Record<string, unknown>> = {
    agents: config.agents[0],
    identity: config.identity.jwt[0],
    ...rest(config),
  }
  for (const [setting = '', text = ''] of readTable(document, 'setting')) {
    // what no limit of the configuration says lies in the limiter, not in the schema
    if (setting.startsWith('limits[]')) continue
    const [root = '', ...path] = setting.replace('identity.jwt[]', 'identity').replace('[]', '').split('.')
    let value = roots[root]
    for (const step of path) value = Reflect.get(Object(value), step)
    assert.deepEqual(value, parseRate(text) ?? parseDuration(text) ?? parseSize(text), setting)
  }
})

function rest(config: ReturnType<typeof configSchema.parse>): Record<string, unknown> {
  return {
    ownership: config.ownership,
    unauthenticated: config.unauthenticated,
    audit: config.audit,
    delegation: config.delegation,
  }
}

interface Marked {
  readonly path: string
  readonly value: number
}

/** The last number before each mark, as the code has it. */
function readMarks(): Map<string, Marked> {
  const marks = new Map<string, Marked>()
  for (const { path, text } of productFiles()) {
    for (const [, code = '', name = ''] of text.matchAll(/^(.*)\/\/ bound: (.+)$/gm)) {
      const product = code.match(/\b\d[\d_]*(?: \* \d[\d_]*)*/g)?.at(-1)
      assert.ok(product !== undefined, `${path}: no number stands before "bound: ${name}"`)
      assert.ok(!marks.has(name), `${name} is marked twice`)
      const factors = product.split(' * ').map((factor) => Number(factor.replaceAll('_', '')))
      marks.set(name, { path, value: factors.reduce((left, right) => left * right) })
    }
  }
  return marks
}

const units: Readonly<Record<string, readonly number[]>> = {
  KiB: [1024],
  MiB: [1024 ** 2],
  Mi: [1024 ** 2],
  // times are milliseconds in the code, seconds in a token
  s: [1_000, 1],
  min: [60_000],
  h: [3_600_000],
}

test('every fixed bound is in the table as the code has it, and nothing else is', () => {
  const marks = readMarks()
  const rows = readTable(document, 'what')
  const listed = new Set(rows.map(([name]) => name))
  assert.equal(listed.size, rows.length)
  assert.deepEqual(listed, new Set(marks.keys()))
  for (const [name = '', text = '', , path] of rows) {
    const [, digits = '', unit = ''] = /^([\d,]+)(?: (\w+))?/.exec(text) ?? []
    const possible = (units[unit] ?? [1]).map((factor) => Number(digits.replaceAll(',', '')) * factor)
    const marked = marks.get(name)
    assert.ok(
      marked !== undefined && possible.includes(marked.value),
      `${name}: ${text} is ${marked?.value} in the code`,
    )
    assert.equal(path, marked.path, name)
  }
})
