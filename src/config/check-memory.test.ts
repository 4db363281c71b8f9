import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from './config.ts'

/** Where a file is refused. */
function problemsOf(yaml: string): string[] {
  const loaded = parseConfig(yaml, '/nowhere/sallyport.yaml', { secrets: 'unresolved' })
  return loaded.ok ? [] : loaded.problems.map(({ path }) => path)
}

const duplicates = (fields: string): string =>
  `agents: [ { name: a, url: "http://127.0.0.1:9001", duplicates: { ${fields} } } ]`

test('a memory of messages without length is refused where anything rests on it', () => {
  for (const rest of ['', ', sameBody: refuse', ', sameBody: forward', ', differentBody: forward'])
    assert.deepEqual(problemsOf(duplicates(`window: 0s${rest}`)), ['agents[0].duplicates.window'], rest)
  assert.deepEqual(problemsOf(duplicates('window: 0s, sameBody: forward, differentBody: forward')), [])
  assert.deepEqual(problemsOf(duplicates('window: 1s')), [])
})
