// Parameters of every operation as a caller may send them, for property-based tests: few ids, so that they meet, and the
// texts that are awkward in a path, in JSON or on the wire.

import fc from 'fast-check'
import type { Operation } from '../a2a/operations.ts'

const ids = fc.constantFrom('T', 'U', 't 1', 'é', '😀', 'a:b', "it's", '0', '1.0', 'null', 'T%20')
const maybe = <Value>(values: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(values, { nil: undefined, freq: 2 })
const struct = fc.constantFrom<unknown>({}, { taskId: 'U', task_id: 'U' }, { a: [1.5, null, { text: 'x' }] })
const parts = fc.oneof(
  fc.record({ text: fc.constantFrom('', 'hello', '{"taskId":"U"}', '\u0000', '"') }),
  fc.record({ raw: fc.constantFrom('', 'AAEC') }),
  fc.record({ url: fc.constantFrom('https://a.example/', 'data:,x') }),
  fc.record({ data: fc.constantFrom<unknown>(null, 1, 'x', [], { text: 'x', url: 'y' }) }),
)
const messages = fc.record({
  messageId: ids,
  role: fc.constantFrom('ROLE_USER', 'ROLE_AGENT'),
  parts: fc.array(parts, { minLength: 1, maxLength: 3 }),
  taskId: maybe(ids),
  contextId: maybe(ids),
  referenceTaskIds: maybe(fc.array(ids, { maxLength: 2 })),
  metadata: maybe(struct),
})
const tenants = maybe(fc.constantFrom('', 'acme', 'other'))
const webhook = { url: fc.constant('https://hooks.example/') }

/** Parameters that are good but for the tenant, which is not every agent's. */
export function paramsOf(operation: Operation): fc.Arbitrary<object> {
  switch (operation) {
    case 'SendMessage':
    case 'SendStreamingMessage':
      return fc.record({
        tenant: tenants,
        message: messages,
        configuration: maybe(fc.record({ historyLength: maybe(fc.nat(9)), returnImmediately: maybe(fc.boolean()) })),
        metadata: maybe(struct),
      })
    case 'ListTasks':
      return fc.record({ tenant: tenants, contextId: maybe(ids), pageSize: maybe(fc.integer({ min: 1, max: 9 })) })
    case 'GetTask':
    case 'CancelTask':
    case 'SubscribeToTask':
      return fc.record({ tenant: tenants, id: ids })
    case 'CreateTaskPushNotificationConfig':
      return fc.record({ tenant: tenants, taskId: ids, id: maybe(ids), ...webhook })
    case 'ListTaskPushNotificationConfigs':
      return fc.record({ tenant: tenants, taskId: ids })
    case 'GetExtendedAgentCard':
      return fc.record({ tenant: tenants })
    default:
      return fc.record({ tenant: tenants, taskId: ids, id: ids })
  }
}
