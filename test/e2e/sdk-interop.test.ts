// The official JavaScript SDK's client, unmodified, through the gateway in both bindings, with the real sample agents.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { bindings } from './client.ts'
import { startDemo, type Demo } from './demo-process.ts'

// The SDK's types belong to the agents' workspace; here only what is looked at.
interface Observed {
  readonly card: { readonly name: string; readonly supportedInterfaces: readonly { readonly url: string }[] }
  readonly binding: string
  readonly sent: { readonly id: string }
  readonly sentText: string
  readonly streamKinds: readonly string[]
  readonly streamText: string
  readonly got: { readonly id: string; readonly artifacts: unknown }
  readonly listed: readonly string[]
  readonly totalSize: number
  readonly subscribedKinds: readonly string[]
  readonly canceled: { readonly status?: { readonly state: number } }
  readonly intercepted: readonly string[]
}
interface SdkModule {
  exerciseWithSdk(options: { gatewayUrl: string; agent: string; key: string; binding: string }): Promise<Observed>
}

let demo: Demo
let sdk: SdkModule

before(async () => {
  demo = await startDemo()
  sdk = (await import(new URL('../../agents/test/sdk-client.ts', import.meta.url).href)) as SdkModule
})
after(() => demo.stop('SIGTERM'))

for (const binding of bindings) {
  test(`the official client completes send, stream, get, list, cancel and subscribe over ${binding}`, async () => {
    // a caller for each binding, so that their lists are their own
    const caller = binding === 'JSONRPC' ? 'alice' : 'bob'
    const { key } = demo.ready.callers[caller]
    const seen = await sdk.exerciseWithSdk({ gatewayUrl: demo.ready.gateway, agent: 'calculator', key, binding })
    assert.equal(seen.binding, binding)
    assert.equal(seen.card.name, 'calculator')
    // of gRPC the card says host and port
    const { host } = new URL(demo.ready.gateway)
    for (const { url } of seen.card.supportedInterfaces)
      assert.ok(url === host || url.startsWith(`${demo.ready.gateway}/agents/calculator`), url)
    assert.match(seen.sentText, /= 0\.3$/)
    assert.equal(seen.streamKinds[0], 'task')
    assert.equal(seen.streamKinds.filter((kind) => kind === 'artifactUpdate').length, 2)
    assert.match(seen.streamText, /= 2\n.*3\.1068\d+ miles$/)
    assert.equal(seen.got.id, seen.sent.id)
    assert.ok(seen.listed.includes(seen.sent.id))
    assert.equal(seen.totalSize, 2)
    assert.equal(seen.subscribedKinds[0], 'task')
    // TASK_STATE_CANCELED
    assert.equal(seen.canceled.status?.state, 5)
    assert.equal(seen.intercepted.length, 7)
  })

  test(`the official client is refused with an unknown key over ${binding}`, async () => {
    const options = { gatewayUrl: demo.ready.gateway, agent: 'calculator', key: 'sp_demo_unknown', binding }
    await assert.rejects(sdk.exerciseWithSdk(options))
  })
}
