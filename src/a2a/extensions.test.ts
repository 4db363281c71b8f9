import assert from 'node:assert/strict'
import { test } from 'node:test'
import { declaredBy, isExtensionUri, readExtensions } from './extensions.ts'

const cardWith = (extensions: unknown): never => ({ capabilities: { extensions } }) as never

test('a card declares what it lists, and requires what it says so of with true', () => {
  const { uris, required } = declaredBy(
    cardWith([{ uri: 'urn:a' }, { uri: 'urn:b', required: true }, { uri: 'urn:c', required: 'true' }]),
  )
  assert.deepEqual([...uris], ['urn:a', 'urn:b', 'urn:c'])
  assert.deepEqual(required, ['urn:b'])
})

test('what is no list of extensions declares nothing', () => {
  for (const wrong of [
    undefined,
    null,
    'urn:a',
    {},
    { uri: 'urn:a' },
    [null],
    [['urn:a']],
    [{ uri: '' }],
    [{ uri: ['urn:a'] }],
  ])
    assert.deepEqual([...declaredBy(cardWith(wrong)).uris], [], JSON.stringify(wrong))
  assert.deepEqual([...declaredBy({}).uris], [])
  assert.deepEqual([...declaredBy({ capabilities: [] }).uris], [])
})

test('a URI that could be read as two, or end a header, is none', () => {
  for (const wrong of [
    '',
    ' ',
    'urn:a b',
    'urn:a,urn:b',
    'urn:a\r\nx: 1',
    'urn:a\n',
    'urn:\u0000',
    'urn:ä',
    'x'.repeat(513),
  ])
    assert.equal(isExtensionUri(wrong), false, wrong)
  for (const good of ['urn:a', 'https://e.example/x?y=1#z', 'x'.repeat(512)]) assert.equal(isExtensionUri(good), true)
})

test('of a card without end the first are read', () => {
  const many = Array.from({ length: 1_000 }, (_, at) => ({ uri: `urn:${at}`, required: true }))
  assert.equal(readExtensions(cardWith(many)).length, 64)
})
