import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { addAgent, bindRole } from './config.ts'
import { temporaryFolder } from '../../test/fakes/temporary-folder.ts'

const agent = { name: 'new', url: 'http://127.0.0.1:9' }

function write(text: string, mode = 0o640): string {
  const file = join(temporaryFolder(), 'sallyport.yaml')
  writeFileSync(file, text, { mode })
  return file
}

const layouts: Record<string, [before: string, after: string]> = {
  'a list in block form': [
    'agents:   # ours\n    - name: a   # first\n      url: http://a\n\n    # about b\n    - { name: b,   url: "http://b" }   # last\n    # end\n\ndataDir:   ./x   # here\n',
    'agents:   # ours\n    - name: a   # first\n      url: http://a\n\n    # about b\n    - { name: b,   url: "http://b" }   # last\n    - { name: new, url: http://127.0.0.1:9 }\n    # end\n\ndataDir:   ./x   # here\n',
  ],
  'a list in block form at the end': [
    'agents:\n- name: a\n  url: http://a',
    'agents:\n- name: a\n  url: http://a\n- { name: new, url: http://127.0.0.1:9 }\n',
  ],
  'a list in flow form': [
    'agents: [ { name: a, url: "http://a" } ]   # x\n',
    'agents: [ { name: a, url: "http://a" }, { name: new, url: http://127.0.0.1:9 } ]   # x\n',
  ],
  'an empty list': ['agents: []\n# end\n', 'agents: [{ name: new, url: http://127.0.0.1:9 }]\n# end\n'],
  'no list': [
    '# top\ndataDir: ./x # here',
    '# top\ndataDir: ./x # here\nagents:\n  - { name: new, url: http://127.0.0.1:9 }\n',
  ],
}

for (const [title, [before, after]] of Object.entries(layouts)) {
  test(`adds an agent to ${title} and touches nothing else`, async () => {
    const file = write(before)
    const edit = await addAgent(file, agent)
    assert.ok(edit.ok && edit.changed)
    assert.equal(readFileSync(file, 'utf8'), after)
    assert.equal(edit.loaded.config.agents.at(-1)?.name, 'new')
  })
}

test('falls back to rewriting where inserting would say something else, and keeps comments', async () => {
  const file = write('# top\nagents: [ { name: a, url: "http://a" }, # why\n  ]\n')
  const edit = await addAgent(file, agent)
  assert.ok(edit.ok)
  const text = readFileSync(file, 'utf8')
  assert.match(text, /# top/)
  assert.match(text, /# why/)
  assert.deepEqual(
    edit.loaded.config.agents.map(({ name }) => name),
    ['a', 'new'],
  )
})

const policy = `policy:
  roles:
    - { name: analyst, rules: [] } # reads
    - { name: boss, rules: [] }
  bindings: # who
    - { role: analyst, callers: ["key:ci"] } # robots
    - role: boss
      autonomous: true
      callers:
        - key:root # one
`

test('binds within the binding of the role', async () => {
  const file = write(policy)
  assert.ok((await bindRole(file, 'analyst', 'key:carol')).ok)
  assert.equal(readFileSync(file, 'utf8'), policy.replace('["key:ci"]', '["key:ci", key:carol]'))
})

test('makes a binding of its own rather than widen an autonomous one', async () => {
  const file = write(policy)
  const edit = await bindRole(file, 'boss', 'key:carol')
  assert.ok(edit.ok)
  assert.deepEqual(edit.loaded.config.policy.bindings.at(-1), {
    role: 'boss',
    callers: ['key:carol'],
    autonomous: false,
  })
})

test('binding twice changes nothing', async () => {
  const file = write(policy)
  const edit = await bindRole(file, 'analyst', 'key:ci')
  assert.ok(edit.ok && !edit.changed)
  assert.equal(readFileSync(file, 'utf8'), policy)
})

test('never writes a file that would not be valid', async () => {
  const file = write(`agents: [{ name: a, url: "http://a" }]\n${policy}`)
  const before = readFileSync(file, 'utf8')
  const refused = [
    await addAgent(file, { name: 'a', url: 'http://b' }),
    await addAgent(file, { name: 'Not A Label', url: 'http://b' }),
    await addAgent(file, { name: 'b', url: 'ftp://b' }),
    await bindRole(file, 'nobody', 'key:ci'),
    await bindRole(file, 'analyst', 'ci'),
    await bindRole(file, 'analyst', 'key:a\n- key:b'),
    await addAgent(file, agent, { extraChecks: () => [{ path: ['policy'], message: 'no' }] }),
  ]
  assert.ok(refused.every((edit) => !edit.ok && edit.problems.length > 0))
  assert.equal(readFileSync(file, 'utf8'), before)
})

test('what is wrong with the new item is told of its fields, without a place in a file that was never written', async () => {
  const file = write(`agents: [{ name: a, url: "http://a" }]\n${policy}`)
  const told = async (work: ReturnType<typeof addAgent>): Promise<unknown> => {
    const edit = await work
    return edit.ok ? edit : [edit.ofItem, ...edit.problems.map(({ path, line, column }) => [path, line, column])]
  }
  assert.deepEqual(await told(addAgent(file, { name: 'a', url: 'http://b' })), [true, ['name', 0, 0]])
  assert.deepEqual(await told(addAgent(file, { name: 'b', url: 'ftp://b', restUrl: 'x' })), [
    true,
    ['url', 0, 0],
    ['restUrl', 0, 0],
  ])
  assert.deepEqual(await told(bindRole(file, 'analyst', 'ci')), [true, ['', 0, 0]])
  const elsewhere = { extraChecks: () => [{ path: ['policy'], message: 'no' }] }
  assert.equal((await told(addAgent(file, agent, elsewhere)))?.toString().startsWith('false'), true)
})

test('what the system refuses to write is a problem, and nothing is left behind', async () => {
  const file = write('agents: []\n')
  const folder = join(file, '..')
  // in the way of the file that would be renamed into place
  mkdirSync(`${file}.${process.pid}.tmp`)
  const before = readdirSync(folder)
  const edit = await addAgent(file, agent)
  assert.ok(!edit.ok && !edit.ofItem)
  assert.match(edit.problems[0]?.message ?? '', /^cannot be written: /)
  assert.equal(readFileSync(file, 'utf8'), 'agents: []\n')
  assert.deepEqual(readdirSync(folder), before)
})

test('does not repair a file that was broken before', async () => {
  const file = write('agents: [{ name: a }]\n')
  assert.ok(!(await addAgent(file, agent)).ok)
})

test('keeps the mode, follows a link and leaves nothing behind', async () => {
  const file = write('agents: []\n', 0o600)
  const link = join(file, '..', 'link.yaml')
  symlinkSync(file, link)
  assert.ok((await addAgent(link, agent)).ok)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.ok(lstatSync(link).isSymbolicLink())
  assert.deepEqual(readdirSync(join(file, '..')).sort(), ['link.yaml', 'sallyport.yaml'])
})

test('the version that an agent speaks is written as a text, not as a number', async () => {
  const file = write('agents: []\n')
  const edit = await addAgent(file, { name: 'old', url: 'http://127.0.0.1:9', speaks: ['0.3'] })
  assert.ok(edit.ok)
  assert.deepEqual(edit.loaded.config.agents[0]?.speaks, ['0.3'])
})
