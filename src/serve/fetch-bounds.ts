// How much may come, and how long it may take, when the gateway fetches a document of somebody else's.

interface FetchBounds {
  readonly maxBytes: number
  readonly timeoutMs: number
}

export const cardBounds: FetchBounds = {
  maxBytes: 1024 * 1024, // bound: an agent's card
  timeoutMs: 10_000, // bound: fetching a card
}

export const keySetBounds: FetchBounds = {
  maxBytes: 1024 * 1024,
  timeoutMs: 5_000, // bound: fetching a key set
}

export const loginBounds: FetchBounds = {
  maxBytes: 256 * 1024, // bound: an answer of the provider that administrators log in at
  timeoutMs: 8_000, // bound: asking the provider that administrators log in at
}

export const healthBounds: FetchBounds = {
  maxBytes: 1024 * 1024, // bound: the answer to a health check
  timeoutMs: 5_000, // bound: a health check
}

export const introspectionBounds: FetchBounds = {
  maxBytes: 64 * 1024, // bound: the answer to an introspection
  timeoutMs: 5_000, // bound: an introspection
}
