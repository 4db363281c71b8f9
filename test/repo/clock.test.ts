// Only base/clock.ts reads a clock; everything else is given one, so that tests move time by hand and a record's time
// comes from one place. Timers are allowed: they say when to look, not what time it is.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findInCode, productFiles } from './files.ts'

const home = 'src/base/clock.ts'
const readsClock =
  /\bDate\.now\b|\bperformance\s*\.\s*(now|timeOrigin)\b|\bnew Date\(\s*\)|(?<!new )\bDate\(\s*\)|\bhrtime\b|\bprocess\.uptime\b|\bTemporal\.Now\b/

test('only base/clock.ts reads the clock', () => {
  const files = productFiles()
  assert.notDeepEqual(
    findInCode(
      files.filter(({ path }) => path === home),
      readsClock,
    ),
    [],
  )
  assert.deepEqual(
    findInCode(
      files.filter(({ path }) => path !== home),
      readsClock,
    ),
    [],
  )
})

test('catches each way to read a clock, and no way to format a time', () => {
  const clocks = ['Date.now()', 'performance.now()', 'new Date()', 'new Date( )', 'Date()', 'process.hrtime.bigint()']
  for (const text of clocks) assert.equal(findInCode([{ path: 'src/x.ts', text }], readsClock).length, 1, text)
  const others = ['new Date(clock.nowMs())', 'clock.nowMs()', '// Date.now()', 'validDate()', 'new Date(text)']
  for (const text of others) assert.deepEqual(findInCode([{ path: 'src/x.ts', text }], readsClock), [], text)
})
