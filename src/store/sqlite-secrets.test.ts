import assert from 'node:assert/strict'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import { Fault } from '../base/fault.ts'
import { fakeSealer } from '../../test/fakes/sealer.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'
import { StoredSecrets } from '../secrets/secrets.ts'
import { openSecretTable } from './sqlite-secrets.ts'

function world(): { folder: string; path: string; open: () => { secrets: StoredSecrets; close: () => void } } {
  const folder = temporaryFolder()
  const path = join(folder, 'state.db')
  return {
    folder,
    path,
    open: () => {
      const table = openSecretTable(path)
      return { secrets: new StoredSecrets(table, fakeSealer, () => 7), close: () => table.close() }
    },
  }
}

const bytesOf = (folder: string): string =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('\n')

test('secrets are there after a restart, and their values nowhere in the files', async () => {
  const { folder, path, open } = world()
  const first = open()
  await first.secrets.set('crm', Buffer.from('hunter2-hunter2'))
  assert.doesNotMatch(bytesOf(folder), /hunter2/)
  first.close()
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const second = open()
  assert.equal(second.secrets.read('crm')?.text(), 'hunter2-hunter2')
  assert.equal(second.secrets.remove('crm'), true)
  second.close()
  const third = open()
  assert.deepEqual(third.secrets.list(), [])
  third.close()
})

test('rows that were swapped in the file open in neither place', async () => {
  const { path, open } = world()
  const first = open()
  await first.secrets.set('cheap', Buffer.from('one'))
  await first.secrets.set('dear', Buffer.from('two'))
  first.close()
  const database = new DatabaseSync(path)
  database.exec("UPDATE stored_secret SET name = CASE name WHEN 'cheap' THEN 'dear ' ELSE 'cheap' END")
  database.exec('UPDATE stored_secret SET name = trim(name)')
  database.close()
  const second = open()
  for (const name of ['cheap', 'dear'])
    assert.throws(
      () => second.secrets.read(name),
      (error) => error instanceof Fault && error.code === 'KEY_UNREADABLE',
    )
  second.close()
})

test('a sealed value that was removed is not left in the file or its log', async () => {
  const { folder, open } = world()
  const { secrets, close } = open()
  await secrets.set('crm', Buffer.from('x'.repeat(4_000)))
  const database = new DatabaseSync(join(folder, 'state.db'), { readOnly: true })
  const row = database.prepare('SELECT sealed FROM stored_secret').get()
  database.close()
  const sealed = Buffer.from(row?.['sealed'] as Uint8Array).toString('latin1')
  const middle = sealed.slice(500, 600)
  assert.ok(bytesOf(folder).includes(middle))
  secrets.remove('crm')
  assert.ok(!bytesOf(folder).includes(middle))
  close()
})
