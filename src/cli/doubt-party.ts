// Who is blocked may not be there: a misspelt name blocks nobody, and nobody would notice. The block is made all the
// same, since it may come before its key or agent; this says what is not known here.

import { suggestWord } from '../config/config.ts'
import type { Config } from '../config/config.ts'

export interface Doubt {
  readonly message: string
  readonly hint: string
}

/** `config` is undefined where there is none to look into; `keys` are names. */
export function doubtParty(
  { kind, id }: { readonly kind: 'caller' | 'agent'; readonly id: string },
  { config, keys }: { readonly config: Config | undefined; readonly keys: readonly string[] },
): Doubt | undefined {
  if (kind === 'caller' && id.startsWith('key:')) return doubt('key has the name', id.slice(4), keys)
  if (config === undefined) return undefined
  const { identity, agents } = config
  const names = agents.map(({ name }) => name)
  if (kind === 'agent') return doubt('agent is named', id, names)
  const domains = identity.mtls.spiffe.map(({ trustDomain }) => trustDomain)
  if (id.startsWith('spiffe://')) return doubt('trust domain is', id.slice(9).split('/')[0] ?? '', domains)
  const [scheme = '', rest = ''] = id.split(/:(.*)/s)
  const issuer = rest.split('/')[0] ?? ''
  const clusters = identity.kubernetes.map(({ name }) => name)
  const issuers = [...identity.jwt, ...identity.mtls.subjects].map(({ name }) => name)
  if (scheme === 'agent') return doubt('agent is named', rest, names)
  if (scheme === 'serviceaccount') return doubt('cluster is named', issuer, clusters)
  return doubt('issuer is named', issuer, scheme === 'group' ? [...issuers, ...clusters] : issuers)
}

function doubt(what: string, word: string, known: readonly string[]): Doubt | undefined {
  if (known.includes(word)) return undefined
  const hint = known.length > 0 ? suggestWord(word, known) : ''
  return { message: `no ${what} ${JSON.stringify(word)}, so this blocks nobody who is known here`, hint }
}
