// Many addresses ask a witness for as much as they may, so that an honest log gets no cosignature. What fails costs
// those who send it; a log goes on from where it is known, and work for strangers is bounded.

import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { test, type TestContext } from 'node:test'
import { addCheckpoint, createSmallLog, openTestWitness, type TestWitness } from '../../test/fakes/small-log.ts'
import { createManualClock } from '../base/clock.ts'
import { createAdmission, type Admission } from './admission.ts'

const log = createSmallLog()
const home = '192.0.2.1'
const perMinute = 20

/** a log that moved on from `home`, among nobody else */
function admissionOf(clock = createManualClock()): Admission {
  const admission = createAdmission(clock, perMinute)
  assert.ok(admission.mayAsk(home) && admission.mayVerify(home, log.origin))
  admission.settle(home, log.origin, 'advanced')
  return admission
}

/** one request whose signature is false, as the server treats it */
function sendFalse(admission: Admission, network: string, origin = log.origin): boolean {
  if (!admission.mayAsk(network) || !admission.mayVerify(network, origin)) return false
  admission.settle(network, origin, 'failed')
  return true
}

const networkOf = (at: number): string => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`

test('11,400 requests from 10,000 addresses lock no log out that is known, and cost 200 verifications', () => {
  const admission = admissionOf()
  let verified = 0
  for (let at = 0; at < 11_400; at += 1) if (sendFalse(admission, networkOf(at % 10_000))) verified += 1
  assert.equal(verified, 200)
  for (let at = 0; at < 20_000; at += 1) admission.take(networkOf(at))
  assert.ok(admission.mayAsk(home) && admission.mayVerify(home, log.origin))
})

test('a log that nobody knows yet gets its turn when the second is over', () => {
  const clock = createManualClock()
  const admission = admissionOf(clock)
  for (let at = 0; at < 11_400; at += 1) sendFalse(admission, networkOf(at))
  assert.equal(admission.mayVerify('192.0.2.2', 'log.example/new'), false)
  clock.advance(1_000)
  assert.ok(admission.mayAsk('192.0.2.2') && admission.mayVerify('192.0.2.2', 'log.example/new'))
  admission.settle('192.0.2.2', 'log.example/new', 'advanced')
  for (let at = 0; at < 11_400; at += 1) sendFalse(admission, networkOf(at))
  assert.ok(admission.mayVerify('192.0.2.2', 'log.example/new'))
})

test('who only fails is turned away before its body is read, for the rest of the minute', () => {
  const clock = createManualClock()
  const admission = admissionOf(clock)
  for (let at = 0; at < perMinute; at += 1) assert.ok(sendFalse(admission, '198.51.100.9'))
  clock.advance(59_000)
  assert.equal(admission.mayAsk('198.51.100.9'), false)
  assert.equal(admission.take('198.51.100.9'), false)
  clock.advance(1_000)
  assert.equal(admission.mayAsk('198.51.100.9'), true)
})

test('a checkpoint that was cosigned, sent again from everywhere, makes nobody known and is bounded likewise', () => {
  const admission = admissionOf()
  let cosigned = 0
  for (let at = 0; at < 11_400; at += 1) {
    const network = networkOf(at % 10_000)
    if (!admission.mayAsk(network) || !admission.mayVerify(network, log.origin)) continue
    admission.settle(network, log.origin, 'repeated')
    cosigned += 1
  }
  assert.equal(cosigned, 200)
  assert.equal(admission.takeAsLog(networkOf(3), log.origin), false)
  assert.ok(admission.mayVerify(home, log.origin))
})

test('false signatures from where a log is known are bounded, and hinder no other log there', () => {
  const clock = createManualClock()
  const admission = admissionOf(clock)
  admission.mayVerify(home, 'log.example/second')
  admission.settle(home, 'log.example/second', 'advanced')
  let verified = 0
  for (let at = 0; at < 5_000; at += 1) if (sendFalse(admission, home)) verified += 1
  assert.equal(verified, 500)
  assert.ok(admission.mayVerify(home, 'log.example/second'))
  clock.advance(1_000)
  assert.ok(admission.mayVerify(home, log.origin))
})

test('a log is known by its last four networks, and its share is not endless', () => {
  const clock = createManualClock()
  const admission = admissionOf(clock)
  for (let at = 0; at < 4; at += 1) {
    assert.ok(admission.mayVerify(networkOf(at), log.origin))
    admission.settle(networkOf(at), log.origin, 'advanced')
  }
  assert.equal(admission.takeAsLog(home, log.origin), false)
  for (let at = 0; at < perMinute; at += 1) {
    assert.ok(admission.mayVerify(networkOf(2), log.origin))
    admission.settle(networkOf(2), log.origin, 'repeated')
  }
  assert.equal(admission.mayVerify(networkOf(2), log.origin), false)
  clock.advance(60_000)
  assert.ok(admission.mayVerify(networkOf(2), log.origin))
})

/** from one of the addresses of loopback */
function sendFrom(localAddress: string, { port }: TestWitness, path: string, body?: string | Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const sent = httpRequest({ host: '127.0.0.1', port, localAddress, path, method, agent: false }, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode ?? 0))
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

async function opened(t: TestContext): Promise<TestWitness> {
  const clock = createManualClock(1_800_000_000_000)
  const witness = await openTestWitness({ vkeys: [log.vkey], clock, requestsPerMinute: perMinute })
  t.after(() => witness.close())
  return witness
}

test('over the network: rubbish, unknown logs and false signatures are answered with 429 in the end, the log is not', async (t) => {
  const witness = await opened(t)
  assert.equal((await addCheckpoint(witness.url, log.request(0, 5))).status, 200)
  const falseNote = log.request(5, 6).toString().replace(/\n6\n/, '\n7\n')
  for (const [address, body, status] of [
    ['127.0.1.1', 'rubbish', 400],
    ['127.0.1.2', createSmallLog('log.example/x').request(0, 1), 404],
    ['127.0.1.3', falseNote, 403],
    ['127.0.1.4', Buffer.alloc(65_537), 413],
  ] as const) {
    for (let at = 0; at < perMinute; at += 1)
      assert.equal(await sendFrom(address, witness, '/add-checkpoint', body), status)
    assert.equal(await sendFrom(address, witness, '/add-checkpoint', log.request(5, 6)), 429)
    assert.equal(await sendFrom(address, witness, '/keys'), 429)
  }
  // from more addresses than a second has room for
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, at) => sendFrom(`127.0.2.${at % 250}`, witness, '/add-checkpoint', falseNote)),
  )
  assert.ok(answers.includes(429))
  for (let size = 6; size < 16; size += 1)
    assert.equal((await addCheckpoint(witness.url, log.request(size - 1, size))).status, 200)
})

test('over the network: whoever has the address of a log and sends rubbish does not keep it from going on', async (t) => {
  const witness = await opened(t)
  await addCheckpoint(witness.url, log.request(0, 5))
  for (let at = 0; at < 5 * perMinute; at += 1) await addCheckpoint(witness.url, 'rubbish')
  assert.equal(await sendFrom('127.0.0.1', witness, '/keys'), 429)
  assert.equal((await addCheckpoint(witness.url, log.request(5, 6))).status, 200)
  assert.equal(await sendFrom('127.0.0.1', witness, `/checkpoint?origin=${encodeURIComponent(log.origin)}`), 200)
})

test('a true signature line that is repeated before a false one is not verified again and again', async (t) => {
  const witness = await opened(t)
  const request = log.request(0, 5).toString()
  const line = request.split('\n').at(-2) ?? ''
  assert.equal((await addCheckpoint(witness.url, request + `${line}\n`.repeat(30))).status, 403)
  assert.equal((await addCheckpoint(witness.url, request)).status, 200)
})
