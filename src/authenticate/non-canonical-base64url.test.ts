// One signature with many spellings defeats caches and revocation lists. RFC 7515 §2, RFC 4648 §3.5.

import { test } from 'node:test'
import { expectRefusal } from '../../test/fakes/expect.ts'
import { makeWorld } from '../../test/fakes/identity.ts'

test('refuses every other spelling of a good token', async () => {
  const world = makeWorld()
  const [header, payload, signature] = world.token().split('.') as [string, string, string]
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  // 64 bytes leave four unused bits in the last character: sixteen spellings, of which one is right
  const last = alphabet.indexOf(signature.slice(-1))
  const spellings = Array.from(
    { length: 15 },
    (_, i) => signature.slice(0, -1) + alphabet[(last & 48) | ((last + i + 1) & 15)],
  )
  for (const spelt of [
    ...spellings,
    `${signature}=`,
    `${signature}==`,
    `${signature.slice(0, 8)} ${signature.slice(8)}`,
    `${signature}\n`,
    signature.replaceAll('-', '+').replaceAll('_', '/').concat('+'),
  ]) {
    expectRefusal(await world.bearer(`${header}.${payload}.${spelt}`), 'AUTHN_INVALID')
  }
  expectRefusal(await world.bearer(`${header}=.${payload}.${signature}`), 'AUTHN_INVALID')
  expectRefusal(await world.bearer(`${header}.${payload}==.${signature}`), 'AUTHN_INVALID')
})
