// `grpc-timeout` (gRPC over HTTP/2): at most eight digits and a unit. Anything else is refused, so that nobody gets a
// longer time by a number that two libraries read differently.

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }

/** Milliseconds, possibly fewer than one; undefined for what is no timeout. 0 is one that has passed already. */
export function parseGrpcTimeout(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? []
  const factor = unitMs[unit]
  return factor === undefined ? undefined : Number(digits) * factor
}
