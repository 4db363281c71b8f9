// How the commands about policy speak: in narrow terminals, of names that would steer a terminal or a browser, and by
// their exit codes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMatrixPage } from './matrix-page.ts'
import { formatMatrix } from './matrix-table.ts'
import type { MatrixCell, MatrixRow } from './ports.ts'

const yes: MatrixCell = {
  state: 'allow',
  rules: [{ name: 'r#0', when: '', owner: 'self', approval: false }],
  denies: [],
}
const some: MatrixCell = {
  state: 'conditional',
  rules: [{ name: 'r#1', when: 'size(message.parts)\n  < 20', owner: 'any', approval: false }],
  denies: [{ name: 'd', when: 'message.size > 5' }],
}
const no: MatrixCell = { state: 'deny', rules: [], denies: [{ name: 'stop', when: '' }] }

const row = (who: string, cells: MatrixRow['cells'], account: MatrixRow['account'] = 'own'): MatrixRow => ({
  who,
  account,
  agent: 'calculator',
  cells,
})
const rows = [
  row('key:ci', { SendMessage: some, GetTask: yes, ListTasks: yes, CancelTask: no }),
  row('agent:planner', { GetTask: yes }, 'for others'),
  row('key:nobody', {}),
]

test('a narrow terminal gets paragraphs that fit', () => {
  const text = formatMatrix(rows, 50)
  const [table = ''] = text.split('\n\n')
  for (const line of table.split('\n')) assert.ok(line.length <= 50, line)
  assert.match(
    table,
    /^key:ci on calculator\n {2}if 1 {3}SendMessage\n {2}yes {4}GetTask, ListTasks\n {2}no 2 {3}CancelTask\n/,
  )
  assert.match(text, /\nkey:nobody: nothing\n$/)
})

test('a wide one gets a table with the same notes', () => {
  const text = formatMatrix(rows, 200)
  assert.match(text, /key:ci +calculator +if 1/)
  assert.match(text, /\n1 {2}r#1, tasks of anybody when size\(message\.parts\) < 20; unless d: message\.size > 5\n/)
  assert.match(text, /\n2 {2}denied by stop\n/)
  assert.match(text, /agent:planner for others/)
})

const hostile = '</td><script>alert(1)</script><img src=x onerror="alert(1)">\u202e\u0007\''

test('names and conditions cannot leave their place in the page', () => {
  const bad: MatrixCell = {
    state: 'conditional',
    rules: [{ name: hostile, when: hostile, owner: hostile, approval: true }],
    denies: [{ name: hostile, when: hostile }],
  }
  const page = formatMatrixPage([{ who: hostile, account: 'own', agent: hostile, cells: { GetTask: bad } }], hostile)
  assert.doesNotMatch(page, /<script|<img|\u202e|\u0007/)
  assert.match(page, /&lt;script&gt;/)
})

test('the page forbids scripts and everything from elsewhere, and fetches nothing', () => {
  const page = formatMatrixPage(rows, 'title')
  assert.match(
    page,
    /Content-Security-Policy" content="default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'/,
  )
  assert.doesNotMatch(page, /\b(src|href|url)\s*[=(]|style="/)
})

test('names cannot steer the terminal', () => {
  const text = formatMatrix([row(`key:\u001b[2J${hostile}`, { GetTask: yes })], undefined)
  assert.doesNotMatch(text, /\u001b|\u202e|\u0007/)
})
