// What an approver has to look at comes first: what is used up or denied is shown when asked for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import type { ApprovalMethods, ApprovalSummary } from './approval-ports.ts'
import { command } from './approval-list.ts'
import type { Input } from './command.ts'
import type { Ports } from './ports.ts'

const approval: ApprovalSummary = {
  id: '',
  state: 'pending',
  caller: 'key:ci',
  origin: 'key:ci',
  chain: [],
  agent: 'bank',
  operation: 'SendMessage',
  task: '',
  rules: ['payer#1'],
  parts: [],
  createdAtMs: 0,
  expiresAtMs: 1,
  decidedBy: '',
}
const states = ['pending', 'granted', 'denied', 'used'] as const

async function list(found: readonly ApprovalSummary[], { all = false, json = false }): Promise<string> {
  let out = ''
  const methods: Pick<ApprovalMethods, 'approval.list'> = { 'approval.list': () => Promise.resolve(found) }
  const folder = temporaryFolder()
  const input = {
    args: [],
    json,
    option: (name: string) => (name === 'data-dir' ? folder : undefined),
    list: () => [],
    flag: (name: string) => name === 'all' && all,
    io: { out: (text: string) => void (out += text), err: () => undefined, color: false, cwd: folder },
    ports: () =>
      Promise.resolve({
        openState: () => Promise.resolve({ methods, close: () => Promise.resolve() }),
      } as unknown as Ports), // of the ports only this one is used
  } as unknown as Input
  assert.equal(await command.run(input), 0)
  return out
}

const of = (state: ApprovalSummary['state']): ApprovalSummary => ({ ...approval, id: `id-${state}`, state })

test('what waits and what was granted is shown, all the rest with --all', async () => {
  for (const json of [false, true]) {
    const shown = await list(states.map(of), { json })
    assert.deepEqual(
      states.map((state) => shown.includes(`id-${state}`)),
      [true, true, false, false],
    )
    const all = await list(states.map(of), { json, all: true })
    for (const state of states) assert.ok(all.includes(`id-${state}`), state)
  }
})

test('where nothing is open it says so', async () => {
  assert.equal(await list([of('used'), of('denied')], {}), 'nothing waits for approval\n')
  assert.equal(await list([], { all: true }), 'nothing waits for approval\n')
})
