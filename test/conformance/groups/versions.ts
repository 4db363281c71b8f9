// Which version a call is in, and which are spoken.

import assert from 'node:assert/strict'
import { expectError, expectRefused } from '../errors.ts'
import { exchange } from '../clients/http.ts'
import { jsonRpcRequest, readJsonRpc } from '../clients/json-rpc.ts'
import { isCurrent, resultOf, say, send, stateOf, type ConformanceTest } from '../subject.ts'

const isLegacy = ({ version }: { version: string }): boolean => version === '0.3'

export const versionTests: readonly ConformanceTest[] = [
  {
    id: 'versions.unknown',
    section: '§3.6.2',
    sentence: 'refuses a version that it does not speak',
    where: isCurrent,
    run: (subject) =>
      expectRefused(subject, 'SendMessage', say('tck-complete-task'), 'VersionNotSupported', {
        headers: { 'a2a-version': '9.9' },
      }),
  },
  {
    id: 'versions.unknown-stream',
    section: '§3.6.2',
    sentence: 'opens no stream in a version that it does not speak',
    where: isCurrent,
    async run(subject) {
      const options = { headers: { 'a2a-version': '9.9' } }
      const opened = await subject.client.stream('SendStreamingMessage', say('tck-stream-001'), options)
      if (opened.kind === 'stream') {
        opened.close()
        assert.fail('there is a stream')
      }
      expectError(subject, opened, 'VersionNotSupported')
    },
  },
  {
    id: 'versions.absent',
    section: '§3.6.2',
    sentence: 'takes a call that names no version as one of 0.3',
    where: isLegacy,
    async run(subject) {
      const options = { headers: { 'a2a-version': undefined } }
      const answer = await subject.client.call('SendMessage', say('tck-complete-task'), options)
      assert.ok(resultOf(answer, 'a send')['task'] !== undefined)
    },
  },
  {
    id: 'versions.empty',
    section: '§3.6.2',
    sentence: 'takes a call with an empty version as one of 0.3',
    where: isLegacy,
    async run(subject) {
      const options = { headers: { 'a2a-version': '' } }
      const answer = await subject.client.call('SendMessage', say('tck-complete-task'), options)
      assert.ok(resultOf(answer, 'a send')['task'] !== undefined)
    },
  },
  {
    id: 'versions.named',
    section: '§3.6.1',
    sentence: 'takes a call that names the version of its form',
    async run(subject) {
      assert.equal(stateOf(await send(subject, say('tck-complete-task'))), 'COMPLETED')
    },
  },
  {
    id: 'versions.other-names',
    section: '§9.1',
    sentence: 'has no methods of the other version under this one',
    where: ({ binding }) => binding === 'JSONRPC',
    async run(subject) {
      const method = subject.version === '1.0' ? 'message/send' : 'SendMessage'
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: say('tck-complete-task') })
      const answer = readJsonRpc(await exchange(jsonRpcRequest(subject.client.address, body)), (result) => result)
      // the specification does not say whether the method or the version is what is wrong
      assert.ok(answer.failure?.code === -32601 || answer.failure?.code === -32009, `${answer.failure?.code}`)
    },
  },
]
