// Header parameters that change what is verified. RFC 7515 §4.1.11, RFC 7797, CVE-2025-59420.

import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld } from '../../test/fakes/identity.ts'

test('refuses crit, b64, zip and enc, understood or not', async () => {
  const world = makeWorld()
  const headers = [
    { crit: ['exp'] },
    { crit: [] },
    { crit: null },
    { crit: ['b64'], b64: false },
    { b64: false },
    { b64: true },
    { zip: 'DEF' },
    { enc: 'A256GCM' },
    { crit: ['https://example.com/x'], 'https://example.com/x': 1 },
  ]
  for (const header of headers) expectRefusal(await world.bearer(world.token({}, header)), 'AUTHN_INVALID')
})
