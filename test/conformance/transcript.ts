// What a test saw, answer by answer and event by event, as it was on the wire: two sides on which it passed must have
// shown it the same. What differs from run to run (ids, times, addresses, page tokens) is given a name by the order in
// which it appears, so that an id that changes within a test is still seen.

import type { Answer, Client, Stream } from './clients/client.ts'

type Entry = Record<string, unknown>

export interface Recorder {
  readonly client: Client
  /** one line for each answer and event, in the order in which calls were made */
  lines(): string[]
}

export function recorderFor(client: Client): Recorder {
  const isLegacy = client.address.face.version === '0.3'
  const calls: Entry[][] = []
  const begin = (entry: Entry): Entry[] => {
    const slot = [entry]
    calls.push(slot)
    return slot
  }
  return {
    client: {
      ...client,
      call: async (operation, params, options) => {
        const slot = begin({ operation })
        const answer = await client.call(operation, params, options)
        slot.push(entryOf(answer, isLegacy, operation === 'GetExtendedAgentCard'))
        return answer
      },
      stream: async (operation, params, options) => {
        const slot = begin({ operation })
        const opened = await client.stream(operation, params, options)
        if (opened.kind === 'answer') slot.push(entryOf(opened, isLegacy, false))
        return opened.kind === 'answer' ? opened : recordStream(opened, slot)
      },
    },
    lines: () => nameAll(calls.flat().map((entry) => JSON.stringify(sortKeys(entry)))),
  }
}

/** A card is made anew by the gateway; of a refusal the words are its own, and 0.3 knows no ErrorInfo. */
function entryOf({ failure, http, headers, wire }: Answer, isLegacy: boolean, isCard: boolean): Entry {
  if (failure !== undefined) {
    const { code, inner, status, reason, domain } = failure
    return { http, failure: { code, inner, status, ...(!isLegacy && { reason, domain }) } }
  }
  return { http, mediaType: mediaTypeOf(headers), ...(!isCard && { wire }) }
}

/**
 * Without parameters, and one name for each form: JSON has one encoding, gRPC one message format by default. Which of
 * its two names HTTP+JSON uses is a test of its own.
 */
function mediaTypeOf(headers: Readonly<Record<string, string>>): string {
  return (headers['content-type'] ?? '').replace(/;.*/, '').replace('a2a+', '').replace('grpc+proto', 'grpc')
}

function recordStream(stream: Stream, slot: Entry[]): Stream {
  slot.push({ mediaType: mediaTypeOf(stream.headers) })
  const next: Stream['next'] = async () => {
    const event = await stream.next()
    slot.push(event === undefined ? { end: true } : { wire: event.wire })
    return event
  }
  return { ...stream, next }
}

const changing =
  /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|127\.0\.0\.1:\d+|\d{4}-\d\d-\d\dT[\d:.]+Z|(?<="nextPageToken":")[^"]+/g

function nameAll(lines: readonly string[]): string[] {
  const names = new Map<string, string>()
  return lines.map((line) =>
    line.replace(changing, (value) => {
      if (value.endsWith('Z')) return '<time>'
      const name = names.get(value) ?? `<${names.size + 1}>`
      names.set(value, name)
      return name
    }),
  )
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null) return value
  const sorted = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(sorted.map(([key, member]) => [key, sortKeys(member)]))
}

/** Where two transcripts part, in words; undefined where they do not. */
export function findDifference(direct: readonly string[], gateway: readonly string[]): string | undefined {
  for (let at = 0; at < Math.max(direct.length, gateway.length); at++) {
    const [one = 'nothing', other = 'nothing'] = [direct[at], gateway[at]]
    if (one === other) continue
    let same = 0
    while (same < one.length && one[same] === other[same]) same++
    const from = Math.max(0, same - 60)
    return `directly …${one.slice(from, from + 200)}, through the gateway …${other.slice(from, from + 200)}`
  }
  return undefined
}
