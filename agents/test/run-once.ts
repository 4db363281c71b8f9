// A process of its own for one test: starts the agents, has them work, fail and push, and stops them.

import { createServer } from 'node:http'
import { listen } from '../src/listen.ts'
import { say, startHarness } from './harness.ts'
import { userText } from './sdk-client.ts'

const { promise: pushed, resolve } = Promise.withResolvers<void>()
const receiver = createServer((_request, response) => {
  response.end()
  resolve()
})
const port = await listen(receiver, 0, '127.0.0.1')
const origin = `http://127.0.0.1:${port}`
const harness = await startHarness({ pushOrigins: () => [origin] })
const calculator = await harness.connect('calculator')
await say(calculator, '2+2')
await say(calculator, '1/0')
await say(await harness.connect('concierge'), 'what is 2+2')
const taskPushNotificationConfig = { tenant: '', id: '', taskId: '', url: origin, token: '', authentication: undefined }
const configuration = { acceptedOutputModes: [], taskPushNotificationConfig, returnImmediately: false }
await calculator.sendMessage({ tenant: '', message: userText('1'), configuration, metadata: undefined })
await pushed
await harness.close()
receiver.close()
receiver.closeAllConnections()
