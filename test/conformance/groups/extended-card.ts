// GetExtendedAgentCard: the card for those who are known.

import assert from 'node:assert/strict'
import { expectRefused } from '../errors.ts'
import { ask, type ConformanceTest } from '../subject.ts'
import type { JsonObject } from '../wire/dialect.ts'

export const extendedCardTests: readonly ConformanceTest[] = [
  {
    id: 'extended-card.more',
    section: '§3.1.11',
    sentence: 'shows more in its extended card than in the public one',
    async run(subject) {
      const card = await ask(subject, 'GetExtendedAgentCard', {})
      assert.equal(card['name'], 'conformance')
      assert.deepEqual(
        (card['skills'] as JsonObject[]).map(({ id }) => id),
        ['conformance', 'extended'],
      )
    },
  },
  {
    id: 'extended-card.faces',
    section: '§4.4.6',
    sentence: 'says in its extended card where it can be called in this binding',
    where: ({ version }) => version === '1.0',
    async run(subject) {
      const card = await ask(subject, 'GetExtendedAgentCard', {})
      const urls = (card['supportedInterfaces'] as JsonObject[])
        .filter((each) => each['protocolBinding'] === subject.binding && each['protocolVersion'] === subject.version)
        .map((each) => each['url'])
      assert.deepEqual(urls, [subject.client.address.url])
    },
  },
  {
    id: 'extended-card.unsupported',
    section: '§3.3.4',
    sentence: 'that claims no extended card has none',
    agent: 'bare',
    run: (subject) => expectRefused(subject, 'GetExtendedAgentCard', {}, 'UnsupportedOperation'),
  },
  {
    id: 'extended-card.missing',
    section: '§3.1.11',
    sentence: 'that claims an extended card without having one says so',
    agent: 'strict',
    run: (subject) => expectRefused(subject, 'GetExtendedAgentCard', {}, 'ExtendedAgentCardNotConfigured'),
  },
]
