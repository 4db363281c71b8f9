// The guide says truly what becomes of the data that a demonstration leaves.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderGuide } from './demo-guide.ts'

const facts = {
  gateway: 'http://127.0.0.1:7000',
  admin: 'http://127.0.0.1:7001',
  dataDir: '/d/data',
  agents: [],
  callers: { alice: { key: 'a' }, bob: { key: 'b' } },
  adminToken: 't',
}

test('a folder that was asked for stays, a fresh one does not', () => {
  const guide = (keptIn: string | undefined): string =>
    renderGuide(facts, { file: 'f', color: false, command: 'sallyport', keptIn })
  assert.match(guide('/d'), /Ctrl-C ends it and keeps \/d\./)
  assert.doesNotMatch(guide('/d'), /removes/)
  assert.match(guide(undefined), /Ctrl-C ends it and removes its data\./)
})

test('what the admin token may do is said, and where', () => {
  const guide = renderGuide(facts, { file: 'f', color: false, command: 'sallyport', keptIn: undefined })
  assert.match(guide, /^ {2}admin token {2}t {2}\(role admin;/m)
  assert.match(guide, /^ {2}admin .*\/api\/v1/m)
})
