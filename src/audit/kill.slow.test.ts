// A writer killed under load (kill -9): whatever it acknowledged is in the ledger, and the ledger verifies.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { collect, createSample } from '../../test/fakes/sample-ledger.ts'
import { readLedger } from './read-ledger.ts'
import { verifyLedger } from './verify-ledger.ts'

const program = join(import.meta.dirname, '../../test/fakes/append-forever.ts')

test('every record that was acknowledged before a kill is there after it, three times over', async () => {
  const sample = createSample()
  const acknowledged = new Map<number, string>()
  for (let round = 1; round <= 3; round += 1) {
    const child = spawn(process.execPath, [program, sample.root], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    for await (const chunk of child.stdout) {
      text += String(chunk)
      if (text.length > round * 20_000) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    assert.equal(child.signalCode, 'SIGKILL')
    // the last line may be cut off by the kill
    for (const line of text.slice(0, text.lastIndexOf('\n')).split('\n')) {
      const [index = '', leafHash = ''] = line.split(' ')
      acknowledged.set(Number(index), leafHash)
    }
    assert.deepEqual((await verifyLedger(sample.root)).problems, [])
    const records = await collect(readLedger(sample.dir))
    for (const [index, leafHash] of acknowledged) assert.equal(records[index]?.leafHash, leafHash, `record ${index}`)
  }
  assert.ok(acknowledged.size > 1_000)
  await (await sample.open()).close()
  assert.deepEqual((await verifyLedger(sample.root)).problems, [])
})
