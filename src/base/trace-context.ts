// W3C Trace Context, Level 2: reads what a caller sent and writes what an agent gets. Both fields are a caller's words:
// what does not have exactly the form of the specification is as if it were not there, never an error, and nothing
// longer than the bounds is kept. `baggage` is read nowhere.

import { randomFillSync } from 'node:crypto'

/** A place in a trace: which trace, and which span of it. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits, not all zero */
  readonly traceId: string
  /** 16 lower-case hexadecimal digits, not all zero */
  readonly spanId: string
  /** the bits that Level 2 knows: 1 sampled, 2 the trace id is random */
  readonly flags: number
  /** tracestate; '' for none */
  readonly state: string
}

export const sampledFlag = 1
export const randomFlag = 2

const maxStateBytes = 512 // bound: a tracestate
const maxStateMembers = 32 // bound: members of a tracestate

/** undefined when there is no valid traceparent; a tracestate that is none is left out of it. */
export function parseTraceContext(
  traceparent: string | undefined,
  tracestate: string | undefined,
): TraceContext | undefined {
  if (traceparent === undefined) return undefined
  // a later version may go on after a hyphen; of its flags only those of this one are known
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]{0,512})?$/.exec(traceparent)
  if (match === null) return undefined
  const [, version = '', traceId = '', spanId = '', flags = '', more] = match
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return {
    traceId,
    spanId,
    flags: Number.parseInt(flags, 16) & (sampledFlag | randomFlag),
    state: parseTracestate(tracestate),
  }
}

const memberPattern =
  /^([a-z0-9][a-z0-9_*/@-]{0,255})=((?:[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])?)$/

/** The members in their order, without space between; '' when one of them is malformed, or a key stands twice. */
function parseTracestate(text: string | undefined): string {
  if (text === undefined || text.length > maxStateBytes) return ''
  const members = text
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '')
  if (members.length > maxStateMembers) return ''
  const keys = new Set<string>()
  for (const member of members) {
    const key = memberPattern.exec(member)?.[1]
    if (key === undefined || keys.has(key)) return ''
    keys.add(key)
  }
  return members.join(',')
}

/** Always in version 00: that is what we speak. */
export function formatTraceparent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`
}

const pool = Buffer.alloc(8 * 256)
let used = pool.length

/** From a pooled random buffer: not secret, and not zero. */
export function createSpanId(): string {
  for (;;) {
    if (used >= pool.length) {
      randomFillSync(pool)
      used = 0
    }
    const id = pool.toString('hex', used, used + 8)
    used += 8
    if (id !== '0000000000000000') return id
  }
}
