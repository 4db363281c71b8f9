import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../base/fault.ts'
import { fakeSealer } from '../../test/fakes/sealer.ts'
import { StoredSecrets, type SecretRow, type SecretTable } from './stored-secrets.ts'

const faultOf =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof Fault && error.code === code

function memoryTable(): SecretTable & { readonly rows: Map<string, SecretRow> } {
  const rows = new Map<string, SecretRow>()
  return {
    rows,
    list: () => [...rows.values()],
    find: (name) => rows.get(name),
    put: (row) => void rows.set(row.name, row),
    replace(name, before, after) {
      const row = rows.get(name)
      if (row?.sealed.equals(before) === true) rows.set(name, { ...row, sealed: after })
    },
    remove: (name) => rows.delete(name),
  }
}

function world(): { table: ReturnType<typeof memoryTable>; secrets: StoredSecrets } {
  const table = memoryTable()
  return { table, secrets: new StoredSecrets(table, fakeSealer, () => 7) }
}

test('a secret is read as it was set, replaced and removed', async () => {
  const { table, secrets } = world()
  await secrets.set('crm', Buffer.from('one'))
  await secrets.set('crm', Buffer.from('two'))
  assert.equal(secrets.read('crm')?.text(), 'two')
  assert.deepEqual(secrets.list(), [{ name: 'crm', setAtMs: 7 }])
  assert.ok(!table.rows.get('crm')?.sealed.includes('two'))
  assert.equal(secrets.read('billing'), undefined)
  assert.equal(secrets.remove('crm'), true)
  assert.equal(secrets.remove('crm'), false)
  assert.equal(secrets.read('crm'), undefined)
})

test('two sealed values that were swapped between rows open in neither', async () => {
  const { table, secrets } = world()
  await secrets.set('cheap', Buffer.from('one'))
  await secrets.set('dear', Buffer.from('two'))
  const [cheap, dear] = [table.rows.get('cheap'), table.rows.get('dear')]
  assert.ok(cheap && dear)
  table.put({ ...cheap, sealed: dear.sealed })
  table.put({ ...dear, sealed: cheap.sealed })
  for (const name of ['cheap', 'dear']) assert.throws(() => secrets.read(name), faultOf('KEY_UNREADABLE'))
})

test('a row that was cut, or emptied, is a fault and no shorter secret', async () => {
  const { table, secrets } = world()
  await secrets.set('crm', Buffer.from('hunter2'))
  const row = table.rows.get('crm')
  assert.ok(row)
  for (const length of [0, 1, 20, row.sealed.length - 1]) {
    table.put({ ...row, sealed: row.sealed.subarray(0, length) })
    assert.throws(() => secrets.read('crm'), faultOf('KEY_UNREADABLE'), `${length}`)
  }
})

test('what is empty, too large or one too many is refused', async () => {
  const { secrets } = world()
  await assert.rejects(secrets.set('crm', Buffer.alloc(0)), faultOf('CONTROL_FAILED'))
  await assert.rejects(secrets.set('crm', Buffer.alloc(32 * 1024 + 1, 'x')), faultOf('CONTROL_FAILED'))
  for (let count = 0; count < 1_000; count += 1) await secrets.set(`s${count}`, Buffer.from('x'))
  await assert.rejects(secrets.set('one-more', Buffer.from('x')), faultOf('CONTROL_FAILED'))
  await secrets.set('s0', Buffer.from('y'))
})
