// How long a login may take at the provider: the cookie lives as long as what waits. Apart from the login itself, whose
// library is loaded only where people log in.

export const pendingMs = 600_000 // bound: life of a login that waits for the provider
