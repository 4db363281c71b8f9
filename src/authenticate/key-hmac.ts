// The keyed hash under which secrets of API keys are stored and compared.

import { createHmac, type KeyObject } from 'node:crypto'

export function hmacOfSecret(pepper: KeyObject, secret: string): Buffer {
  return createHmac('sha256', pepper).update(secret).digest()
}
