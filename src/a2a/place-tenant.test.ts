import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placeTenant } from './place-tenant.ts'

const text = (params: string): string => `{"jsonrpc":"2.0", "id":1.0,"method":"GetTask"${params}}`

test('puts the tenant where it is missing and touches nothing else', () => {
  assert.equal(placeTenant(text(',"params":{"id":"t"}'), 'acme'), text(',"params":{"tenant":"acme","id":"t"}'))
  assert.equal(placeTenant(text(',"params":{ }'), 'acme'), text(',"params":{"tenant":"acme" }'))
  assert.equal(
    placeTenant(text(',"params":{"id":"t","tenant":""}'), 'acme'),
    text(',"params":{"id":"t","tenant":"acme"}'),
  )
  assert.equal(placeTenant(text(',"params":{"tenant" : null}'), 'acme'), text(',"params":{"tenant" : "acme"}'))
  assert.equal(placeTenant(text(''), 'acme'), `{"params":{"tenant":"acme"},${text('').slice(1)}`)
  assert.equal(placeTenant(text(',"params":null'), 'acme'), text(',"params":{"tenant":"acme"}'))
})

test('leaves the text alone when the tenant is there or none is configured', () => {
  for (const params of ['', ',"params":{"id":"t"}']) assert.equal(placeTenant(text(params), ''), text(params))
  const named = text(',"params":{"tenant":"acme"}')
  assert.equal(placeTenant(named, 'acme'), named)
})

test('is not misled by a tenant deeper inside', () => {
  const deep = text(',"params":{"message":{"metadata":{"tenant":"other","params":{"tenant":"x"}}}}')
  assert.equal(placeTenant(deep, 'acme'), deep.replace('"params":{"message"', '"params":{"tenant":"acme","message"'))
})
