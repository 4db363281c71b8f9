// The admin API as an OpenAPI 3.1 document, made from the table of its routes: schema/admin.openapi.json is this,
// written down, and /api/v1/openapi.json answers it.

import { z } from 'zod'
import { permissions } from './permissions.ts'
import type { Route } from './route.ts'

type Json = Readonly<Record<string, unknown>>

const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: { type: 'string', const: 'about:blank' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'a code of docs/errors.md or docs/admin-api.md' },
    detail: { type: 'string', description: 'how to mend the request' },
  },
}

export function describeApi(routes: readonly Route[]): Json {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    const place = (paths[route.path] ??= {})
    place[route.method.toLowerCase()] = describeRoute(route)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sallyport admin API',
      version: '1',
      description: 'See docs/admin-api.md. Every call is recorded in the ledger.',
    },
    servers: [{ url: '/api/v1' }],
    security: [{ token: [] }, { session: [], csrf: [] }],
    paths,
    components: {
      schemas: { Problem: problemSchema },
      responses: {
        Problem: {
          description: 'Refused (RFC 9457)',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-sallyport-session',
          description: 'sallyport-session on loopback without TLS',
        },
        csrf: {
          type: 'apiKey',
          in: 'header',
          name: 'Sallyport-Csrf',
          description: 'csrfToken of the session, in every POST',
        },
      },
    },
  }
}

function describeRoute(route: Route): Json {
  const { method, path, permission, about } = route
  const isOpen = permission === 'anyone'
  const words = path.split(/[^A-Za-z]+/).filter((word) => word !== '')
  return {
    operationId: [method.toLowerCase(), ...words].join('_'),
    summary: about,
    ...(isOpen && { security: [] }),
    'x-sallyport-permission': permission,
    'x-sallyport-roles': permission === 'anyone' ? [] : [...permissions[permission]],
    ...describeInput(route),
    responses: { ...describeAnswer(route), default: { $ref: '#/components/responses/Problem' } },
  }
}

function describeInput({ method, input }: Route): Json {
  const schema = schemaOf(input, 'input')
  if (method === 'POST') return { requestBody: { required: true, content: { 'application/json': { schema } } } }
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : [])
  const parameters = Object.entries(Object(schema['properties']) as Record<string, Json>).map(([name, member]) => {
    const { description, ...rest } = member
    const isRequired = required.has(name)
    return { name, in: 'query', required: isRequired, ...(description !== undefined && { description }), schema: rest }
  })
  return parameters.length === 0 ? {} : { parameters }
}

function describeAnswer({ answer }: Route): Json {
  if (answer === 'redirect') return { 303: { description: 'Goes on at the identity provider' } }
  if (answer === 'page') return { 200: { description: 'A page that goes on', content: { 'text/html': {} } } }
  return { 200: { description: 'Done', content: { 'application/json': { schema: schemaOf(answer, 'output') } } } }
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}
