// Turns a small request in plain words into one expression for the calculator, or says it does not understand.
// It decides nothing about safety: whatever it hands on, the calculator vets.

const lead = /^(?:please\s+|hi,?\s+|hello,?\s+)?(?:can you |could you )?(?:tell me )?/
const list = '(-?[\\d.]+(?:\\s*(?:,|;|\\band\\b|\\s)\\s*-?[\\d.]+)*)'
const words: Readonly<Record<string, string>> = {
  average: 'mean',
  mean: 'mean',
  median: 'median',
  sum: 'sum',
  total: 'sum',
  product: 'prod',
  smallest: 'min',
  minimum: 'min',
  largest: 'max',
  maximum: 'max',
  variance: 'variance',
  'standard deviation': 'std',
}
const unit = '([a-z/^0-9]+)'
const statistics = new RegExp(`^(?:what(?:'s| is) )?(?:the )?(${Object.keys(words).join('|')}) (?:of|for) ${list}$`)
const conversion = new RegExp(`^convert (-?[\\d.]+)\\s*${unit} (?:to|into|in) ${unit}$`)
const howMany = new RegExp(`^how many ${unit} (?:are |is )?(?:there )?in (-?[\\d.]+)\\s*${unit}$`)
const whatIn = new RegExp(`^what(?:'s| is) (-?[\\d.]+)\\s*${unit} in ${unit}$`)
const percentage = /^(?:what(?:'s| is) )?(-?[\d.]+)\s*(?:%|percent) of (-?[\d.]+)$/
const root = /^(?:what(?:'s| is) )?(?:the )?(square|cube) root of (-?[\d.]+)$/
const plain = /^(?:what(?:'s| is) |calculate |compute |evaluate |how much is )(.+)$/
const arithmetic = /^[-\d\s.+*/^()!,%]*\d[-\d\s.+*/^()!,%]*$/

const maxRequestLength = 500

/** The expression that answers a request; undefined when the request is not understood. */
export function understand(request: string): string | undefined {
  if (request.length > maxRequestLength) return undefined
  const text = request
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/[?.!]+$/, (end) => (end.startsWith('!') ? '!' : ''))
  const asked = text.toLowerCase().replace(lead, '')
  return statisticsOf(asked) ?? conversionOf(asked) ?? numbersOf(asked) ?? plainOf(asked)
}

function statisticsOf(asked: string): string | undefined {
  const [, word, numbers] = statistics.exec(asked) ?? []
  const name = word === undefined ? undefined : words[word]
  if (name === undefined || numbers === undefined) return undefined
  return `${name}(${numbers
    .split(/\s*(?:,|;|\band\b|\s)\s*/)
    .filter((number) => number !== '')
    .join(', ')})`
}

function conversionOf(asked: string): string | undefined {
  const direct = conversion.exec(asked) ?? whatIn.exec(asked)
  if (direct !== null) return `${direct[1]} ${direct[2]} to ${direct[3]}`
  const [, target, amount, source] = howMany.exec(asked) ?? []
  return target === undefined ? undefined : `${amount} ${source} to ${target}`
}

function numbersOf(asked: string): string | undefined {
  const [, share, whole] = percentage.exec(asked) ?? []
  if (share !== undefined) return `${share} / 100 * ${whole}`
  const [, kind, number] = root.exec(asked) ?? []
  return kind === undefined ? undefined : `${kind === 'square' ? 'sqrt' : 'cbrt'}(${number})`
}

function plainOf(asked: string): string | undefined {
  const spoken = (plain.exec(asked)?.[1] ?? asked)
    .replace(/\bplus\b/g, '+')
    .replace(/\bminus\b/g, '-')
    .replace(/\b(?:times|multiplied by)\b/g, '*')
    .replace(/\bdivided by\b/g, '/')
    .replace(/\bto the power of\b/g, '^')
  return arithmetic.test(spoken) ? spoken.trim() : undefined
}
