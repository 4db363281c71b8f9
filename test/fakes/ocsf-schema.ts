// A validator of OCSF events, for tests: reads the public schema as its repository has it (events, objects, profiles,
// dictionary; extends, $include) and says everything that is wrong with an event. Stricter than most consumers: an
// attribute that the class does not have is a finding, and so is one that came after the version the event claims.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

interface Attribute {
  readonly type?: string
  readonly is_array?: boolean
  readonly requirement?: string
  readonly profile?: string | null
  readonly sibling?: string
  readonly enum?: Readonly<Record<string, { readonly caption: string }>>
  readonly '@deprecated'?: { readonly since: string }
}
interface Definition {
  readonly name: string
  readonly uid?: number
  readonly caption?: string
  readonly category?: string
  readonly extends?: string
  readonly attributes: Readonly<Record<string, Attribute>> & { readonly $include?: readonly string[] }
  readonly constraints?: Readonly<Record<string, readonly string[]>>
}
interface DataType {
  readonly type?: string
  readonly regex?: string
  readonly max_len?: number
  readonly range?: readonly [number, number]
}
/** The schema as it is written: what the repository of OCSF holds, or as much of it as somebody copied. */
export interface OcsfSource {
  readonly dictionary: Readonly<Record<string, Attribute>>
  readonly types: Readonly<Record<string, DataType>>
  /** uid by name */
  readonly categories: Readonly<Record<string, { readonly uid: number; readonly caption: string }>>
  readonly events: readonly Definition[]
  readonly objects: readonly Definition[]
  /** by path, `profiles/trace.json` */
  readonly includes: Readonly<Record<string, Definition>>
}

interface Compiled {
  readonly attributes: ReadonlyMap<string, Attribute>
  readonly constraints: Readonly<Record<string, readonly string[]>>
}
interface CompiledEvent extends Compiled {
  readonly caption: string
  readonly category: { readonly uid: number; readonly caption: string }
}

export type OcsfValidator = (event: unknown) => string[]

/** Attributes, by name, that are younger than 1.8.0: the published schema is that of a later version. */
const since19: ReadonlySet<string> = new Set(
  `ai_agent application attestation_list charter criticality_id delegation encoding_id hosted_ai_agent_list iam_role
  iam_roles issuer_uid notes prompt_text response_text sensor_info_list serialization_id uid_numeric updated_entity
  updated_resources updated_user`.split(/\s+/),
)

/** The schema in a folder of its repository's layout; undefined when it is not there. */
export function readOcsfSource(folder: string): OcsfSource | undefined {
  if (!existsSync(join(folder, 'dictionary.json'))) return undefined
  const definitions = (below: string): Definition[] =>
    filesBelow(join(folder, below)).map((path) => readJson(path) as Definition)
  // a public schema: whether it has this shape, the first test that uses it shows
  const dictionary = readJson(join(folder, 'dictionary.json')) as {
    attributes: OcsfSource['dictionary']
    types: { attributes: OcsfSource['types'] }
  }
  const categories = readJson(join(folder, 'categories.json')) as { attributes: OcsfSource['categories'] }
  const profiles = readdirSync(join(folder, 'profiles')).map((name): [string, Definition] => [
    `profiles/${name}`,
    readJson(join(folder, 'profiles', name)) as Definition,
  ])
  return {
    dictionary: dictionary.attributes,
    types: dictionary.types.attributes,
    categories: categories.attributes,
    events: definitions('events'),
    objects: definitions('objects'),
    includes: Object.fromEntries(profiles),
  }
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))

function filesBelow(folder: string): string[] {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? filesBelow(path) : path.endsWith('.json') ? [path] : []))
}

export function createOcsfValidator(source: OcsfSource): OcsfValidator {
  const objects = new Map(source.objects.map((each) => [each.name, each]))
  const events = new Map(source.events.map((each) => [each.name, each]))
  const compiledObjects = new Map<string, Compiled>()
  const compiledEvents = new Map<number, CompiledEvent>()
  const types = new TypeChecker(source.types)

  const compile = (definition: Definition, family: ReadonlyMap<string, Definition>): Compiled => {
    const parent = family.get(definition.extends ?? '')
    const base = parent === undefined ? undefined : compile(parent, family)
    const attributes = new Map<string, Attribute>(base?.attributes)
    const { $include: included = [], ...own } = definition.attributes
    for (const path of included) {
      const profile = source.includes[path]
      const { $include: _none, ...members } = profile?.attributes ?? {}
      for (const [name, attribute] of Object.entries(members as Record<string, Attribute>)) {
        attributes.set(name, merge(attributes.get(name), { ...attribute, profile: profile?.name ?? path }))
      }
    }
    for (const [name, attribute] of Object.entries(own as Record<string, Attribute>)) {
      attributes.set(name, merge(attributes.get(name) ?? source.dictionary[name], attribute))
    }
    for (const [name, attribute] of attributes) attributes.set(name, merge(source.dictionary[name], attribute))
    return { attributes, constraints: { ...base?.constraints, ...definition.constraints } }
  }
  const objectNamed = (name: string): Compiled | undefined => {
    const definition = objects.get(name)
    if (definition === undefined || name === 'object') return undefined
    const compiled = compiledObjects.get(name) ?? compile(definition, objects)
    compiledObjects.set(name, compiled)
    return compiled
  }
  for (const definition of source.events) {
    const category = source.categories[categoryOf(definition, events)]
    if (definition.uid === undefined || category === undefined) continue
    const compiled = { ...compile(definition, events), caption: definition.caption ?? '', category }
    compiledEvents.set(category.uid * 1_000 + definition.uid, compiled)
  }
  const profileNames = new Set(Object.values(source.includes).map(({ name }) => name))

  return (event) => {
    if (!isObject(event)) return ['the event is no object']
    const problems: string[] = []
    const of = compiledEvents.get(Number(event['class_uid']))
    if (of === undefined) return [`class_uid ${String(event['class_uid'])} is of no class`]
    checkClassification(event, of, problems)
    const named = isObject(event['metadata']) ? event['metadata']['profiles'] : undefined
    const profiles = new Set(Array.isArray(named) ? named.map(String) : [])
    const own = new Set([...of.attributes.values()].map(({ profile }) => profile))
    for (const profile of profiles) {
      if (!profileNames.has(profile) || !own.has(profile)) problems.push(`${profile} is no profile of ${of.caption}`)
    }
    const check = new Checker(types, objectNamed, profiles, problems)
    check.members(event, of, '')
    return problems
  }
}

function merge(under: Attribute | undefined, over: Attribute): Attribute {
  const values = under?.enum === undefined && over.enum === undefined ? {} : { enum: { ...under?.enum, ...over.enum } }
  return { ...under, ...over, ...values }
}

function categoryOf(definition: Definition, events: ReadonlyMap<string, Definition>): string {
  const parent = events.get(definition.extends ?? '')
  return definition.category ?? (parent === undefined ? '' : categoryOf(parent, events))
}

function checkClassification(event: Record<string, unknown>, of: CompiledEvent, problems: string[]): void {
  const expected: Record<string, unknown> = {
    category_uid: of.category.uid,
    type_uid: Number(event['class_uid']) * 100 + Number(event['activity_id']),
  }
  const named: Record<string, unknown> = { category_name: of.category.caption, class_name: of.caption }
  for (const [name, value] of Object.entries(expected)) {
    if (event[name] !== value) problems.push(`${name} is ${String(event[name])}, not ${String(value)}`)
  }
  for (const [name, value] of Object.entries(named)) {
    if (event[name] !== undefined && event[name] !== value) problems.push(`${name} is not ${String(value)}`)
  }
}

const classification: ReadonlySet<string> = new Set(['category_uid', 'class_uid', 'type_uid'])

class Checker {
  readonly #types: TypeChecker
  readonly #objectNamed: (name: string) => Compiled | undefined
  readonly #profiles: ReadonlySet<string>
  readonly #problems: string[]

  constructor(
    types: TypeChecker,
    objectNamed: (name: string) => Compiled | undefined,
    profiles: ReadonlySet<string>,
    problems: string[],
  ) {
    this.#types = types
    this.#objectNamed = objectNamed
    this.#profiles = profiles
    this.#problems = problems
  }

  members(value: Record<string, unknown>, of: Compiled, path: string): void {
    for (const [name, member] of Object.entries(value)) {
      const attribute = of.attributes.get(name)
      const here = path === '' ? name : `${path}.${name}`
      if (attribute === undefined || !this.#applies(attribute)) this.#problems.push(`${here} is no attribute here`)
      else if (since19.has(name)) this.#problems.push(`${here} is younger than 1.8.0`)
      else this.#attribute(member, attribute, value, here)
    }
    for (const [name, attribute] of of.attributes) {
      const isMissing = attribute.requirement === 'required' && this.#applies(attribute) && value[name] === undefined
      if (isMissing) this.#problems.push(`${path === '' ? name : `${path}.${name}`} is missing`)
    }
    this.#constraints(value, of, path)
  }

  #applies({ profile }: Attribute): boolean {
    return profile === undefined || profile === null || this.#profiles.has(profile)
  }

  #constraints(value: Record<string, unknown>, { constraints }: Compiled, path: string): void {
    for (const [kind, names] of Object.entries(constraints)) {
      const count = names.filter((name) => value[name] !== undefined).length
      const isKept = kind === 'just_one' ? count === 1 : count >= 1
      if (!isKept) this.#problems.push(`${path === '' ? 'the event' : path} has not ${kind} of ${names.join(', ')}`)
    }
  }

  #attribute(value: unknown, attribute: Attribute, beside: Record<string, unknown>, path: string): void {
    const since = attribute['@deprecated']?.since
    if (since !== undefined && since.localeCompare('1.8.0', 'en', { numeric: true }) <= 0)
      this.#problems.push(`${path} is deprecated since ${since}`)
    const isList = attribute.is_array === true
    if (isList !== Array.isArray(value)) {
      this.#problems.push(`${path} is ${isList ? 'no list' : 'a list'}`)
      return
    }
    // what these may be follows from the class, which was looked at first
    const { enum: _derived, ...derived } = attribute
    const of = classification.has(path) ? derived : attribute
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) this.#value(each, of, path)
    this.#sibling(value, attribute, beside, path)
  }

  #value(value: unknown, attribute: Attribute, path: string): void {
    const type = attribute.type ?? ''
    if (this.#types.has(type)) {
      const problem = this.#types.problem(value, type)
      if (problem !== undefined) this.#problems.push(`${path} ${problem}`)
      else if (attribute.enum !== undefined && !Object.hasOwn(attribute.enum, String(value)))
        this.#problems.push(`${path} has no value ${String(value)}`)
      return
    }
    if (!isObject(value)) {
      this.#problems.push(`${path} is no object`)
      return
    }
    const of = this.#objectNamed(type)
    if (of !== undefined) this.members(value, of, path)
    else if (type !== 'object') this.#problems.push(`${path} has the unknown type ${type}`)
  }

  /** An id and its caption say the same; what is Other has a name. */
  #sibling(value: unknown, { sibling, enum: values }: Attribute, beside: Record<string, unknown>, path: string): void {
    if (sibling === undefined || values === undefined || classification.has(path)) return
    const caption = beside[sibling]
    if (value === 99 && caption === undefined) this.#problems.push(`${path} is Other without ${sibling}`)
    if (value === 99 || caption === undefined) return
    if (caption !== values[String(value)]?.caption)
      this.#problems.push(`${path} is ${String(value)}, but ${sibling} is ${JSON.stringify(caption)}`)
  }
}

class TypeChecker {
  readonly #types: OcsfSource['types']
  readonly #patterns = new Map<string, RegExp>()

  constructor(types: OcsfSource['types']) {
    this.#types = types
    for (const [name, { regex }] of Object.entries(types)) {
      if (regex !== undefined) this.#patterns.set(name, new RegExp(regex))
    }
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#types, name)
  }

  problem(value: unknown, name: string): string | undefined {
    const type = this.#types[name] ?? {}
    const basic = type.type ?? name
    if (basic !== name && this.has(basic)) {
      const problem = this.problem(value, basic)
      if (problem !== undefined) return problem
    }
    if (basic === 'string_t' && typeof value !== 'string') return 'is no string'
    if (basic === 'boolean_t' && typeof value !== 'boolean') return 'is no boolean'
    if (basic === 'float_t' && typeof value !== 'number') return 'is no number'
    if ((basic === 'integer_t' || basic === 'long_t') && !Number.isSafeInteger(value)) return 'is no integer'
    if (this.#patterns.get(name)?.test(String(value)) === false) return `is no ${name}`
    if (type.max_len !== undefined && String(value).length > type.max_len) return 'is too long'
    const [low, high] = type.range ?? [-Infinity, Infinity]
    return Number(value) < low || Number(value) > high ? 'is out of range' : undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
