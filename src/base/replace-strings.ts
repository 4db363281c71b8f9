// Changes strings at known places of a JSON text in one pass; every other character stays where it was. For ids that
// are called otherwise on one side of the gateway: what is not such an id, numbers and unknown members among it, goes
// on as it was written.

import { afterSpace, isQuote, readString, stringEnd, valueEnd } from './strict-json.ts'

/** Where strings stand in a value: `true` is one, an object leads by its keys, a list to each of its elements. */
export type StringPlaces = true | { readonly [key: string]: StringPlaces } | readonly [StringPlaces]

/**
 * INVARIANT: the text has passed parseStrictJson; on any other text some text comes back, and no exception. `rename`
 * is asked once for each string that stands at one of the places; what it gives back as it was is not touched.
 */
export function replaceStrings(text: string, places: StringPlaces, rename: (value: string) => string): string {
  const walk = new Walk(text, rename)
  walk.value(afterSpace(text, 0), places)
  return walk.result()
}

/** Puts steps that lead to the value before the places in it: a `result` in its envelope. */
export function placesBelow(path: readonly string[], places: StringPlaces): StringPlaces {
  return path.reduceRight<StringPlaces>((inner, key) => ({ [key]: inner }), places)
}

const OPEN_OBJECT = 0x7b
const OPEN_ARRAY = 0x5b
const COMMA = 0x2c
const COLON = 0x3a

class Walk {
  readonly #text: string
  readonly #rename: (value: string) => string
  #done = ''
  #copied = 0

  constructor(text: string, rename: (value: string) => string) {
    this.#text = text
    this.#rename = rename
  }

  result(): string {
    return this.#copied === 0 ? this.#text : this.#done + this.#text.slice(this.#copied)
  }

  /** Behind the value that starts here. */
  value(start: number, places: StringPlaces): number {
    const code = this.#text.charCodeAt(start)
    if (places === true) return this.#string(start)
    if (isList(places)) return code === OPEN_ARRAY ? this.#elements(start, places[0]) : valueEnd(this.#text, start)
    return code === OPEN_OBJECT ? this.#members(start, places) : valueEnd(this.#text, start)
  }

  #string(start: number): number {
    const text = this.#text
    const end = valueEnd(text, start)
    if (!isQuote(text, start)) return end
    const value = readString(text, start, end)
    const renamed = this.#rename(value)
    if (renamed === value) return end
    this.#done += text.slice(this.#copied, start) + JSON.stringify(renamed)
    this.#copied = end
    return end
  }

  #members(start: number, places: { readonly [key: string]: StringPlaces }): number {
    const text = this.#text
    let position = afterSpace(text, start + 1)
    while (isQuote(text, position)) {
      const keyEnd = stringEnd(text, position)
      const key = readString(text, position, keyEnd)
      const inner = Object.hasOwn(places, key) ? places[key] : undefined
      position = afterSpace(text, keyEnd)
      if (text.charCodeAt(position) !== COLON) return text.length
      position = afterSpace(text, position + 1)
      position = afterSpace(text, inner === undefined ? valueEnd(text, position) : this.value(position, inner))
      if (text.charCodeAt(position) !== COMMA) break
      position = afterSpace(text, position + 1)
    }
    return position + 1
  }

  #elements(start: number, inner: StringPlaces): number {
    const text = this.#text
    let position = afterSpace(text, start + 1)
    while (position < text.length && text.charCodeAt(position) !== CLOSE_ARRAY) {
      const end = this.value(position, inner)
      if (end <= position) return text.length
      position = afterSpace(text, end)
      if (text.charCodeAt(position) !== COMMA) break
      position = afterSpace(text, position + 1)
    }
    return position + 1
  }
}

const CLOSE_ARRAY = 0x5d

/** `Array.isArray` would make of it a list of anything. */
export const isList = (places: StringPlaces): places is readonly [StringPlaces] => Array.isArray(places)
