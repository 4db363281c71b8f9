// What the commands about stored secrets ask of whoever holds the data directory. Types only; all of it crosses the
// control socket as plain JSON. A value crosses it one way.

export interface SecretMethods {
  /** `value`: base64 */
  'secret.set'(params: { readonly name: string; readonly value: string }): Promise<SecretChange>
  'secret.list'(params: Record<string, never>): Promise<readonly SecretSummary[]>
  'secret.remove'(params: { readonly name: string }): Promise<SecretChange>
  /** Goes on with a rotation, or begins one, for a few seconds; asked again until it is finished. */
  'secrets.rotate'(params: RotateSecretsRequest): Promise<RotationProgress>
}

export interface SecretSummary {
  readonly name: string
  readonly setAtMs: number
  /** where the configuration in force names it */
  readonly usedAt: readonly string[]
}

export interface SecretChange {
  /** whether there was one of that name before */
  readonly existed: boolean
  /** where the configuration in force names it */
  readonly usedAt: readonly string[]
  /** of these, what a running gateway takes up at its next start only */
  readonly needRestart: readonly string[]
  /** why a running gateway went on with what it had; undefined when it took the change up, or none runs */
  readonly notTakenUp?: string
}

export interface RotateSecretsRequest {
  /** reference of a new key-encryption key; null to keep the one there is */
  readonly kek: string | null
  /** the caller has seen the rotation begin: it must not begin another when that one is over */
  readonly goOn: boolean
}

export interface RotationProgress {
  readonly finished: boolean
  /** what is sealed: key files and stored secrets */
  readonly total: number
  /** of these, what is sealed under the new data key */
  readonly done: number
  /** id of the key-encryption key that the rotation goes to */
  readonly kekId: string
  /** it is another one than before: the configuration must name it */
  readonly isNewKek: boolean
}
