// What it means to keep something sealed, as an interface: whoever stores secrets seals them for one place and gets
// them back for that place alone. `secrets/` implements it; the folders that keep keys need not know how.

/** Where a sealed value lies. Put anywhere else, it does not open. */
export interface Place {
  readonly table: string
  readonly row: string
  readonly column: string
}

export interface Sealer {
  /**
   * Seals under the newest data key. `keep` stores what comes of it: a rotation waits for it, so that nothing is stored
   * under a data key that is about to be forgotten.
   */
  seal<T>(place: Place, plaintext: Buffer, keep: (sealed: Buffer) => T | Promise<T>): Promise<T>
  /** Throws a Fault, KEY_UNREADABLE: another place, another key, or bytes that were changed. */
  open(place: Place, sealed: Buffer): Buffer
  /** Whether keys may still lie plain: until those that an earlier version left have all been sealed. */
  readonly acceptsPlain: boolean
  /** Whether it is sealed under the newest data key. */
  isCurrent(sealed: Buffer): boolean
}
