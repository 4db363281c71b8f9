// Cards by their content (RFC 9110 §8.8.3, §13.1.2; A2A 1.0 §8.6): who has a card already is told so instead of being
// sent it again. The tag says nothing but which bytes; whether the caller may see them was decided before.

import { createHash } from 'node:crypto'

/** The same for the same bytes, without secrets. */
export function entityTagOf(text: string): string {
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
}

const oneTag = /^(?:W\/)?("[\x21\x23-\x7e]*")$/

/** Whether If-None-Match names the tag; compared weakly, as the RFC says for it. `*` is any. */
export function isHeldBy(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some((each) => oneTag.exec(each.trim())?.[1] === tag)
}
