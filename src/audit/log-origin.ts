// How a log is named: its origin in checkpoints, receipts and keys is `sallyport.local/<8 hex>`, and the hex digits are
// the name of its folder (docs/ledger.md). A name is not a proof: what is a log's is shown by its keys.

const prefix = 'sallyport.local/'
const namePattern = /^[0-9a-f]{8}$/

/** Whether a folder may be that of a log. */
export const isLogName = (name: string): boolean => namePattern.test(name)

/** The origin of the log in a folder of this name. */
export const formatOrigin = (name: string): string => `${prefix}${name}`

/** The name of a log's folder; undefined when it is no origin of ours. */
export function parseOrigin(origin: string): string | undefined {
  const name = origin.startsWith(prefix) ? origin.slice(prefix.length) : ''
  return isLogName(name) ? name : undefined
}
