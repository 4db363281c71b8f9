// A bug is a belief of our own that turned out false. It is thrown, denied and recorded, never repaired.

export class Bug extends Error {
  override readonly name = 'Bug'
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Bug(message)
}
