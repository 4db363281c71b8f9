// What is said to an API server, and what the fake one answers, has the public API types: a field that is misspelt on
// either side would make tests agree with each other and with no cluster.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { parseAllDocuments } from 'yaml'
import { verbOf } from '../authorize/cluster-verbs.ts'
import {
  findTypeProblems,
  readPublicDefinitions,
  readReducedDefinitions,
  type Definitions,
} from '../../test/fakes/kubernetes-schema.ts'
import { needs } from '../../test/needs.ts'
import { connectFakeCluster } from './fake-cluster.ts'

const published = readPublicDefinitions()
const withPublished = needs(
  'the API types of Kubernetes in ../shared/vectors/kubernetes-openapi',
  published !== undefined,
)

/** Every body of a conversation in which something is granted, refused, unknown and malformed. */
async function converse(): Promise<unknown[]> {
  const { api, cluster, close } = await connectFakeCluster()
  const { token } = api.runPod({ namespace: 'team-a', name: 'p', account: 'planner', audience: 'sallyport' })
  const resourceAttributes = {
    group: 'agents.sallyport.dev',
    resource: 'agents',
    verb: 'send',
    name: 'a',
    namespace: 'n',
  }
  const spec = { user: 'u', groups: ['g'], uid: 'x', extra: { 'example.org/key': ['v'] }, resourceAttributes }
  await cluster.reviewToken(token, ['sallyport'])
  await cluster.reviewToken('rubbish', ['sallyport'])
  await cluster.reviewAccess(spec)
  await assert.rejects(cluster.reviewAccess({ user: 'u' }))
  await assert.rejects(cluster.keySet())
  await close()
  const objects = api.store.all()
  return [
    ...api.exchanges
      .flatMap(({ body, answer }) => [body, answer])
      .filter((text) => text !== '')
      .map(parse),
    ...objects,
  ]
}

const parse = (text: string): unknown => JSON.parse(text)

async function conformsTo(definitions: Definitions): Promise<void> {
  const bodies = await converse()
  assert.ok(bodies.length > 10)
  assert.deepEqual(
    bodies.flatMap((body) => findTypeProblems(definitions, body)),
    [],
  )
  for (const wrong of [
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 't', audience: ['a'] } },
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { audiences: ['a'] } },
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 't', audiences: 'a' } },
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { resourceAttributes: { resourceName: 'a' } },
    },
  ])
    assert.equal(findTypeProblems(definitions, wrong).length, 1, JSON.stringify(wrong))
}

const folder = join(import.meta.dirname, '../../examples/kubernetes')

function readExamples(): Record<string, unknown>[] {
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
  return texts.flatMap((text) => parseAllDocuments(text).map((each) => each.toJS() as Record<string, unknown>))
}

test('the manifests in examples are of their types, and their roles speak of verbs that there are', () => {
  const examples = readExamples()
  assert.ok(examples.length >= 8)
  const definitions = published ?? readReducedDefinitions()
  assert.deepEqual(
    examples
      .filter(({ kind }) => published !== undefined || kind !== 'Pod')
      .flatMap((each) => findTypeProblems(definitions, each)),
    [],
  )
  const known = new Set(Object.values(verbOf))
  const rules = examples.flatMap((each) => (each['rules'] ?? []) as { apiGroups: string[]; verbs: string[] }[])
  for (const { apiGroups, verbs } of rules)
    if (apiGroups.includes('agents.sallyport.dev')) for (const verb of verbs) assert.ok(known.has(verb), verb)
})

test('the verbs in the documentation are those of the code', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/kubernetes-identity.md'), 'utf8')
  for (const [operation, verb] of Object.entries(verbOf))
    assert.match(text, new RegExp(`\\| \`${operation}\`.*\\| \`${verb}\` \\|`))
})

test('every body is of its type, by our own reduced definitions', () => conformsTo(readReducedDefinitions()))

test('every body is of its type, by the public definitions', withPublished, async () => {
  assert.ok(published)
  await conformsTo(published)
})
