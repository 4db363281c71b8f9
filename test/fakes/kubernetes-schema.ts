// Validates objects against the public API types of Kubernetes, strictly: a property that the type does not have is a
// finding, because an API server would drop it without a word. The whole definition is used where it lies on this
// machine; a reduced one of our own, with the types that the gateway uses, is always there.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

export interface TypeSchema {
  readonly $ref?: string
  readonly type?: string
  readonly format?: string
  readonly items?: TypeSchema
  readonly properties?: Readonly<Record<string, TypeSchema>>
  readonly additionalProperties?: TypeSchema | boolean
  readonly required?: readonly string[]
}
export type Definitions = Readonly<Record<string, TypeSchema>>

const publicFolder = join(import.meta.dirname, '../../../shared/vectors/kubernetes-openapi')
const reducedFile = join(import.meta.dirname, '../fixtures/kubernetes-reduced.json')

/** The public definitions; undefined where they are not on this machine. */
export function readPublicDefinitions(folder = publicFolder): Definitions | undefined {
  const publicFile = join(folder, 'v1.36.swagger.json.gz')
  if (!existsSync(publicFile)) return undefined
  const { definitions } = JSON.parse(gunzipSync(readFileSync(publicFile)).toString('utf8')) as {
    definitions: Definitions
  }
  return definitions
}

export function readReducedDefinitions(): Definitions {
  return JSON.parse(readFileSync(reducedFile, 'utf8')) as Definitions
}

const aliases: Readonly<Record<string, string>> = {
  'v1/Status': 'io.k8s.apimachinery.pkg.apis.meta.v1.Status',
  'v1/Pod': 'io.k8s.api.core.v1.Pod',
  'v1/PodList': 'io.k8s.api.core.v1.PodList',
  'v1/Service': 'io.k8s.api.core.v1.Service',
  'v1/ServiceList': 'io.k8s.api.core.v1.ServiceList',
  'authentication.k8s.io/v1/TokenReview': 'io.k8s.api.authentication.v1.TokenReview',
  'authorization.k8s.io/v1/SubjectAccessReview': 'io.k8s.api.authorization.v1.SubjectAccessReview',
  'rbac.authorization.k8s.io/v1/Role': 'io.k8s.api.rbac.v1.Role',
  'rbac.authorization.k8s.io/v1/ClusterRole': 'io.k8s.api.rbac.v1.ClusterRole',
  'rbac.authorization.k8s.io/v1/RoleBinding': 'io.k8s.api.rbac.v1.RoleBinding',
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': 'io.k8s.api.rbac.v1.ClusterRoleBinding',
  'apiextensions.k8s.io/v1/CustomResourceDefinition':
    'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
}

/** Everything that is wrong with an object by the type that its apiVersion and kind name; types nobody knows pass. */
export function findTypeProblems(definitions: Definitions, value: unknown): string[] {
  if (!isRecord(value)) return ['not an object']
  const name = aliases[`${String(value['apiVersion'])}/${String(value['kind'])}`]
  const schema = name === undefined ? undefined : definitions[name]
  return schema === undefined ? [] : check(definitions, schema, value, String(value['kind']))
}

function check(definitions: Definitions, schema: TypeSchema, value: unknown, path: string): string[] {
  if (schema.$ref !== undefined) {
    const target = definitions[schema.$ref.replace('#/definitions/', '')]
    return target === undefined ? [] : check(definitions, target, value, path)
  }
  if (schema.type === 'array') {
    if (!Array.isArray(value)) return [`${path}: not a list`]
    const { items } = schema
    return items === undefined ? [] : value.flatMap((item, at) => check(definitions, items, item, `${path}[${at}]`))
  }
  if (schema.type === 'integer' || schema.type === 'number')
    return typeof value === 'number' && (schema.type === 'number' || Number.isInteger(value))
      ? []
      : [`${path}: not a number`]
  if (schema.type === 'string') {
    if (schema.format === 'int-or-string' && typeof value === 'number') return []
    return typeof value === 'string' ? [] : [`${path}: not a text`]
  }
  if (schema.type === 'boolean') return typeof value === 'boolean' ? [] : [`${path}: not true or false`]
  if (schema.type === 'object' || schema.properties !== undefined) return checkObject(definitions, schema, value, path)
  return []
}

function checkObject(definitions: Definitions, schema: TypeSchema, value: unknown, path: string): string[] {
  if (!isRecord(value)) return [`${path}: not an object`]
  const { properties, additionalProperties, required = [] } = schema
  const missing = required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${path}.${name}: is missing`)
  const wrong = Object.entries(value).flatMap(([name, member]) => {
    const known = properties?.[name]
    if (known !== undefined) return check(definitions, known, member, `${path}.${name}`)
    if (typeof additionalProperties === 'object')
      return check(definitions, additionalProperties, member, `${path}.${name}`)
    return properties === undefined || additionalProperties === true
      ? []
      : [`${path}.${name}: the type has no such field`]
  })
  return [...missing, ...wrong]
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
