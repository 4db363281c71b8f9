// Requests and answers of the add-checkpoint call, and what is no such thing.

import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import {
  formatAddCheckpoint,
  maxAddCheckpointBytes,
  parseAddCheckpoint,
  parseAddCheckpointAnswer,
  parseKnownSize,
} from './add-checkpoint.ts'
import { createCheckpointSigner } from './checkpoint.ts'
import { createCosigningKey } from './cosignature.ts'

const signer = createCheckpointSigner('log.example/1', generateKeyPairSync('ed25519').privateKey)
const root = createHash('sha256').update('root').digest()
const note = signer.sign(9, root)
const node = root.toString('base64')

test('what is formatted is parsed again', () => {
  const proof = [root, Buffer.alloc(32, 7)]
  const bytes = formatAddCheckpoint(4, proof, Buffer.from(note))
  assert.equal(bytes.toString(), `old 4\n${node}\n${Buffer.alloc(32, 7).toString('base64')}\n\n${note}`)
  const parsed = parseAddCheckpoint(bytes)
  assert.deepEqual([parsed?.oldSize, parsed?.proof, parsed?.checkpoint.size], [4, proof, 9])
  assert.equal(formatAddCheckpoint(0, [], Buffer.from(note)).toString(), `old 0\n\n${note}`)
})

test('takes checkpoints of other logs, with extension lines', () => {
  const withExtension = note.replace('\n\n', '\nextension one\n\n')
  assert.equal(parseAddCheckpoint(Buffer.from(`old 0\n\n${withExtension}`))?.checkpoint.size, 9)
  const withControl = note.replace('\n\n', '\nextension\u0007\n\n')
  assert.equal(parseAddCheckpoint(Buffer.from(`old 0\n\n${withControl}`)), undefined)
})

test('refuses whatever is not spelt in the one way', () => {
  const lines = (count: number): string => `${node}\n`.repeat(count)
  assert.equal(parseAddCheckpoint(Buffer.from(`old 4\n${lines(63)}\n${note}`))?.proof.length, 63)
  for (const text of [
    '',
    note,
    `old 4\n${note}`,
    `old 04\n\n${note}`,
    `old -1\n\n${note}`,
    `old +1\n\n${note}`,
    `old 1e3\n\n${note}`,
    `old  4\n\n${note}`,
    `old 4 \n\n${note}`,
    `Old 4\n\n${note}`,
    `old\n\n${note}`,
    `old 99999999999999999\n\n${note}`,
    `old 4\r\n\r\n${note}`,
    `old 4\n${lines(64)}\n${note}`,
    `old 4\n${node.slice(0, -4)}\n\n${note}`,
    `old 4\n${node} \n\n${note}`,
    `old 4\n${Buffer.alloc(31).toString('base64')}\n\n${note}`,
    `old 4\n\n`,
    `old 4\n\n\n${note}`,
    `old 4\n\n${note.slice(0, -1)}`,
    `old 4\n\n${note}\n`,
    `old 4\n\n${note}${'x'.repeat(maxAddCheckpointBytes)}`,
  ]) {
    assert.equal(parseAddCheckpoint(Buffer.from(text)), undefined, JSON.stringify(text.slice(0, 60)))
  }
  assert.equal(parseAddCheckpoint(Buffer.concat([Buffer.from('old 4\n\n'), Buffer.from([0xff, 0xfe])])), undefined)
})

test('a size is a number and a newline', () => {
  assert.equal(parseKnownSize(Buffer.from('20852163\n')), 20_852_163)
  assert.equal(parseKnownSize(Buffer.from('0\n')), 0)
  for (const text of ['', '\n', '5', '05\n', '5\n\n', ' 5\n', '5.0\n', '-5\n', '99999999999999999\n', 'x\n'])
    assert.equal(parseKnownSize(Buffer.from(text)), undefined, text)
})

test('an answer is signature lines and nothing else', () => {
  const witness = createCosigningKey('w.example/1', generateKeyPairSync('ed25519').privateKey)
  const sent = parseAddCheckpoint(Buffer.from(`old 0\n\n${note}`))?.checkpoint ?? assert.fail('no checkpoint')
  const line = witness.cosign(sent, 1_700_000_000)
  assert.equal(parseAddCheckpointAnswer(Buffer.from(line + line), sent)?.signatures.length, 2)
  for (const text of ['', '\n', 'OK\n', line.slice(0, -1), `${line}\n`, `\n${line}`, `<html>${line}`, line.repeat(99)])
    assert.equal(parseAddCheckpointAnswer(Buffer.from(text), sent), undefined, text.slice(0, 40))
  // an answer cannot put another text in the place of what was sent
  assert.equal(parseAddCheckpointAnswer(Buffer.from(`x\n\n${line}`), sent), undefined)
})
