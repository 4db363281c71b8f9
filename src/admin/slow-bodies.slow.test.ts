import assert from 'node:assert/strict'
import test from 'node:test'
import { startAdmin } from './fake-admin.ts'

test('a head or a body that never ends is cut off in its time, and others are served meanwhile', async () => {
  const { sendRaw, send, port, acts, called, close } = await startAdmin()
  try {
    const startedMs = performance.now()
    const line = `POST /api/v1/keys HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer token-of-admin\r\n`
    const took = async (bytes: string): Promise<{ text: string; ms: number }> => {
      const text = await sendRaw(bytes)
      return { text, ms: performance.now() - startedMs }
    }
    const slow = Promise.all([
      took(`${line}content-type: application/json\r\ncontent-length: 100\r\n\r\n{`),
      took(`${line}x-more: `),
    ])
    assert.equal((await send('/healthz')).status, 200)
    const [body, head] = await slow
    assert.match(body.text, /^HTTP\/1\.1 408 /)
    assert.ok(body.ms > 9_000 && body.ms < 13_000, `${body.ms} ms`)
    assert.match(head.text, /^HTTP\/1\.1 408 /)
    assert.ok(head.ms > 4_000 && head.ms < 8_000, `${head.ms} ms`)
    assert.deepEqual(called, [])
    assert.deepEqual(
      acts.map(({ action, event }) => [action, event['code']]),
      [['admin.call.refused', 'LISTEN_BODY_TIMEOUT']],
    )
  } finally {
    await close()
  }
})
