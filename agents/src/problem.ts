// What is wrong with an expression, in words made for whoever sent it.
// Nothing else a library throws is ever shown: its texts are not ours to vouch for.

/** An expression was refused or has no answer. The message is public. */
export class Problem extends Error {
  override readonly name: string = 'Problem'
}
