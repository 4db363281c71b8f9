// What an agent says of the extensions that it took up, in the head of its answer: its own words, to be compared with
// what it was told of before anybody else hears them.

import { legacyExtensionsHeader } from '../a2a/v0-3/names.ts'

const maxActivated = 16_384 // bound: what an agent says of the extensions that it took up

/** Several fields are one list; a name of 0.3 counts as that of 1.0. */
export function readActivated(headers: Readonly<Record<string, unknown>>): string {
  const text = [headers['a2a-extensions'], headers[legacyExtensionsHeader]]
    .flat()
    .filter((value) => typeof value === 'string')
    .join(',')
  return text.length > maxActivated ? '' : text
}
