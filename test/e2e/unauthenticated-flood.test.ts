// Nobody may fill the disk, or drown others, with refusals of callers we do not know: a source has a rate, beyond a
// budget its refusals are folded into counts, and no refusal is missing from the sum (invariant 2).

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startHostileAgent, type HostileAgent } from '../fakes/hostile-agent.ts'
import { say, type Answer } from './client.ts'
import { readRecords, receiptOf, startGateway } from './harness.ts'
import { temporaryFolder } from '../fakes/temporary-folder.ts'

const strangers = 1_000
let agent: HostileAgent
let home: string

before(async () => {
  agent = await startHostileAgent()
  home = temporaryFolder()
})
after(() => agent.close())

test('a flood of strangers is slowed down, folded and counted to the last one, and callers go on', async () => {
  const gateway = await startGateway({
    agents: { a: agent.url },
    callers: ['alice'],
    unauthenticated: { requests: '60/m' },
    home,
  })
  const answers: Answer[] = []
  for (let i = 0; i < strangers; i += 50) {
    const calls = Array.from({ length: 50 }, () =>
      gateway.call({ binding: 'JSONRPC', agent: 'a', operation: 'SendMessage', params: say('message stranger') }),
    )
    answers.push(...(await Promise.all(calls)))
    await gateway.good('a')
  }
  assert.ok(answers.every((answer) => answer.status === 401 || answer.status === 429))
  const slowed = answers.filter((answer) => answer.status === 429)
  assert.ok(slowed.length > strangers - 100, `${slowed.length} were slowed down`)
  assert.ok(slowed.every((answer) => Number(answer.headers['retry-after']) >= 1))
  assert.ok(!agent.seen.some((call) => call.text === 'message stranger'))

  const records = await readRecords(gateway.dataDir)
  const byIndex = new Map(records.map((record) => [record.index, record]))
  for (const answer of answers) {
    const { index, leafHash } = receiptOf(answer)
    const record = byIndex.get(index)
    assert.equal(record?.leafHash, leafHash)
    const folds = record?.envelope.kind === 'folded'
    if (folds) assert.ok(record?.event?.['foldingSince'], 'a folded reply names the record that opened the fold')
  }
  await gateway.stop()

  const after = await readRecords(gateway.dataDir)
  const singles = after.filter(
    ({ envelope }) => envelope.kind === 'decision' && envelope.code.startsWith('AUTHN_'),
  ).length
  const folded = after.reduce((sum, { event }) => sum + Number(event?.['folded'] ?? 0), 0)
  assert.equal(singles + folded, strangers)
  assert.ok(singles <= 300, `${singles} records of strangers`)
})
