// Writes what is generated from the configuration schema: schema/config.schema.json for editors, docs/config.md for
// people, and beside every examples/*.yaml what the program reads in it. With --check it writes nothing and exits 1
// when a committed file differs.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { configJsonSchema, configSchema, staticSettings } from '../src/config/config.ts'
import type { SchemaNode } from '../src/config/config.ts'

const root = dirname(import.meta.dirname)

interface Row {
  readonly path: string
  readonly type: string
  readonly fallback: string
  readonly about: string
}

function listRows(schema: SchemaNode, path: string): Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, member]): Row[] => {
    const inner = path === '' ? key : `${path}.${key}`
    const isRequired = schema.required?.includes(key) === true
    const row = {
      path: inner,
      type: typeOf(member),
      fallback: fallbackOf(member, isRequired),
      about: member.description ?? '',
    }
    const items = member.items?.properties === undefined ? [] : listRows(member.items, `${inner}[]`)
    return [row, ...listRows(member, inner), ...items]
  })
}

function typeOf(node: SchemaNode): string {
  if (node.anyOf !== undefined) return [...new Set(node.anyOf.map(typeOf))].join(' or ')
  if (node.const !== undefined) return code(JSON.stringify(node.const).replaceAll('"', ''))
  if (node.enum !== undefined) return node.enum.map((word) => code(JSON.stringify(word).replaceAll('"', ''))).join(', ')
  if (node.type === 'array') return `list of ${node.items === undefined ? 'anything' : typeOf(node.items)}`
  if (node.type === 'object') return 'mapping'
  if (node.type === 'integer' || node.type === 'number') return `number${rangeOf(node)}`
  if (node.type === 'boolean') return '`true`, `false`'
  return node.pattern?.startsWith('^(file:') === true ? 'reference' : 'text'
}

function rangeOf({ minimum, maximum }: SchemaNode): string {
  const bounds = [
    minimum === undefined ? '' : `≥ ${minimum}`,
    maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? '' : `≤ ${maximum}`,
  ]
  const text = bounds.filter((bound) => bound !== '').join(', ')
  return text === '' ? '' : ` ${text}`
}

function fallbackOf(node: SchemaNode, isRequired: boolean): string {
  if (isRequired) return '**required**'
  if (node.default === undefined || node.properties !== undefined) return ''
  return code(typeof node.default === 'string' && node.default !== '' ? node.default : JSON.stringify(node.default))
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}

/** Descriptions speak of <listen> and a|b; Markdown would take them for its own. */
function plain(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}

/** The golden half of an example; that the example loads is a test's to say. */
function normalise(name: string): [string, string] {
  const config = configSchema.parse(parse(readFileSync(join(root, 'examples', name), 'utf8')))
  return [join('examples', name.replace(/\.yaml$/, '.json')), `${JSON.stringify(config, null, 2)}\n`]
}

function formatDocument(schema: SchemaNode): string {
  const sections = Object.entries(schema.properties ?? {}).map(([key, member]) => {
    const single: SchemaNode = {
      properties: { [key]: member },
      ...(schema.required === undefined ? {} : { required: schema.required }),
    }
    const rows = listRows(single, '').map(
      (row) => `| ${code(row.path)} | ${row.type} | ${row.fallback} | ${plain(row.about)} |`,
    )
    return `## ${key}\n\n| field | type | default | |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
  })
  return `<!-- Generated from src/config/schema.ts by npm run gen; edit that file instead. -->

# Configuration

Sallyport reads one YAML file, \`sallyport.yaml\` (YAML 1.2, UTF-8). Every field is below; unknown keys are errors, and
\`sallyport config check\` tells everything that is wrong at once, in two rounds: first what is wrong in form, then, of
a file in good form, what is wrong in meaning (names that clash, files that are missing, a policy that does not
compile). \`sallyport config show --effective\` prints what runs and where each value came from.
[schema/config.schema.json](../schema/config.schema.json) is the same for editors.

- **reference**: where a secret lies, never the secret: \`file:PATH\` (relative to this file), \`env:NAME\`, \`secret:NAME\`
  (stored by \`sallyport secret set\`) or \`age:…\` (encrypted by \`sallyport config encrypt\`), see [secrets.md](secrets.md).
  One trailing newline is left out.
- Durations are written \`250ms\`, \`10s\`, \`5m\`, \`1h\`, \`400d\`; sizes \`4096\`, \`16KiB\`, \`1MiB\`; rates \`600/m\`.
- \`[]\` in a field's name stands for each item of a list.
- A changed file is taken up while the gateway runs; a file with a problem is refused whole and the old one goes on.
  ${staticSettings.slice(0, -1).map(code).join(', ')} and
  ${code(staticSettings.at(-1) ?? '')} need a restart; every other setting is taken up at once.

${sections.join('\n')}`
}

const schema = configJsonSchema()
const files: readonly [string, string][] = [
  ['schema/config.schema.json', `${JSON.stringify({ title: 'sallyport.yaml', ...schema }, null, 2)}\n`],
  ['docs/config.md', formatDocument(schema)],
  ...readdirSync(join(root, 'examples'))
    // expectations of a policy are no configuration
    .filter((name) => name.endsWith('.yaml') && !name.endsWith('-tests.yaml'))
    .map(normalise),
]

for (const [name, content] of files) {
  const file = join(root, name)
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  } else if (readText(file) !== content) {
    process.stderr.write(`error: ${name} is not what the schema says\nhint: npm run gen\n`)
    process.exitCode = 1
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Absent is simply different.
    return undefined
  }
}
