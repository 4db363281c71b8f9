// A sealer with one data key that every test shares, for what only needs its keys to come back.

import { Fault } from '../../src/base/fault.ts'
import type { Sealer } from '../../src/base/sealing.ts'
import { keyIdOf, openWith, sealWith } from '../../src/secrets/envelope.ts'

const dataKey = { id: '0123456789abcdef', key: Buffer.alloc(32, 7) }

export const fakeSealer: Sealer = {
  async seal(place, plaintext, keep) {
    return await keep(sealWith(dataKey, place, plaintext))
  },
  open(place, sealed) {
    const plaintext = openWith(dataKey, place, sealed)
    if (plaintext === undefined) throw new Fault('KEY_UNREADABLE', 'not sealed here')
    return plaintext
  },
  acceptsPlain: true,
  isCurrent: (sealed) => keyIdOf(sealed) === dataKey.id,
}
