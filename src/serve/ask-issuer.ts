// Asks an issuer about a token that cannot be read, with the gateway's own credential there: one bounded POST to the
// configured endpoint and to nowhere else. RFC 7662 §2.1, RFC 6749 §2.3.1.

import type { IntrospectionConfig, SecretReader } from '../config/config.ts'
import type { Dialler } from '../forward/forward.ts'
import { introspectionBounds } from './fetch-bounds.ts'

export async function askIssuer(
  { endpoint, clientId, clientSecret, send }: IntrospectionConfig,
  token: string,
  { dialler, secrets }: { readonly dialler: Dialler; readonly secrets: SecretReader },
): Promise<{ status: number; body: Buffer }> {
  // read anew each time, so that a secret that was renewed needs no reload
  const secret = secrets.resolve(clientSecret).text()
  const form = new URLSearchParams({ token, token_type_hint: 'access_token' })
  if (send === 'post') {
    form.set('client_id', clientId)
    form.set('client_secret', secret)
  }
  const credential = Buffer.from(`${formEncode(clientId)}:${formEncode(secret)}`).toString('base64')
  return await dialler.post(endpoint, Buffer.from(form.toString()), introspectionBounds, {
    contentType: 'application/x-www-form-urlencoded',
    ...(send === 'basic' && { authorization: `Basic ${credential}` }),
  })
}

function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
