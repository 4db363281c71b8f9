// What the commands about administrators ask of a running gateway: sessions live in its memory. Types only; all of it
// crosses the control socket as plain JSON.

export interface AdminMethods {
  /** a token that opens one session with every right, once, for a quarter of an hour; replaces the one before */
  'admin.bootstrap'(params: Record<string, never>): Promise<BootstrapToken>
  'admin.sessions'(params: Record<string, never>): Promise<readonly AdminSession[]>
  /** ends a session at once; `ended` is false where there was none */
  'admin.logout'(params: { readonly id: string }): Promise<{ readonly ended: boolean }>
}

export interface BootstrapToken {
  /** shown once */
  readonly token: string
  readonly expiresAtMs: number
  /** of the admin listener */
  readonly url: string
}

export interface AdminSession {
  readonly id: string
  readonly principal: string
  readonly display: string
  readonly via: 'login' | 'bootstrap'
  /** what the configuration gives now */
  readonly roles: string[]
  readonly createdAtMs: number
  readonly usedAtMs: number
  readonly endsAtMs: number
}
