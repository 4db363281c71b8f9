// Logins that should not hold: each a way in which a code, a state or an ID token can be somebody else's.

import assert from 'node:assert/strict'
import test from 'node:test'
import type { ConfigInput } from '../config/config.ts'
import { createFakeProvider, otherKey, type FakeProvider, type Lies } from './fake-provider.ts'
import { startAdmin, type Answer, type FakeAdmin } from './fake-admin.ts'

const config = (role: 'viewer' | 'operator' = 'operator'): ConfigInput => ({
  admin: {
    oidc: { name: 'corp', issuer: 'https://idp.example.com', clientId: 'sallyport' },
    administrators: [{ role, who: ['user:corp/alice'] }],
  },
})

interface Door extends FakeAdmin {
  readonly provider: FakeProvider
  readonly begin: (fields?: Record<string, string>) => Promise<{ location: string; cookie: string }>
  readonly comeBack: (query: Record<string, string>, cookie?: string) => Promise<Answer>
}

async function withProvider(work: (door: Door) => Promise<void>, publicUrl?: string): Promise<void> {
  const provider = createFakeProvider()
  const admin = await startAdmin({
    tokens: [],
    config: config(),
    ...(publicUrl !== undefined && { publicUrl }),
    login: {
      issuer: provider.issuer,
      clientId: 'sallyport',
      clientSecret: 'secret',
      scopes: ['openid', 'groups'],
      mayBePlain: false,
      fetch: provider.fetch,
      personOf: (claims) => {
        const { sub } = claims
        return typeof sub === 'string' ? { id: `user:corp/${sub}`, display: sub, groups: [] } : 'no subject'
      },
    },
  })
  const host: Record<string, string> = publicUrl === undefined ? {} : { host: new URL(publicUrl).host }
  const begin: Door['begin'] = async (fields = {}) => {
    const answer = await admin.send('/api/v1/login', { ...host, ...fields })
    assert.equal(answer.status, 303, answer.text)
    return {
      location: answer.headers['location']?.[0] ?? '',
      cookie: answer.headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '',
    }
  }
  const comeBack: Door['comeBack'] = (query, cookie) =>
    admin.send(`/api/v1/login/callback?${new URLSearchParams(query).toString()}`, {
      ...host,
      ...(cookie !== undefined && { cookie }),
    })
  try {
    await work({ ...admin, provider, begin, comeBack })
    assert.deepEqual(admin.bugs, [])
  } finally {
    await admin.close()
  }
}

function assertRefused(answer: Answer, door: Door, status = 403): void {
  assert.equal(answer.status, status, answer.text)
  assert.ok(!(answer.headers['set-cookie'] ?? []).some((cookie) => /-session=[^;]/.test(cookie)), 'a session was set')
  assert.deepEqual(door.admin.sessions.list(), [])
}

test('a login that holds opens a session of its person, recorded before', () =>
  withProvider(async (door) => {
    const { location, cookie } = await door.begin()
    const asked = new URL(location)
    assert.equal(asked.origin + asked.pathname, 'https://idp.example.com/auth')
    const { code_challenge_method, redirect_uri, scope, response_type } = Object.fromEntries(asked.searchParams)
    assert.deepEqual(
      { code_challenge_method, redirect_uri, scope, response_type },
      {
        code_challenge_method: 'S256',
        redirect_uri: `${door.origin}/api/v1/login/callback`,
        scope: 'openid groups',
        response_type: 'code',
      },
    )
    const answer = await door.comeBack(door.provider.authorize(location), cookie)
    assert.equal(answer.status, 200, answer.text)
    const [session = '', cleared = ''] = answer.headers['set-cookie'] ?? []
    assert.match(session, /^sallyport-session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/)
    assert.match(cleared, /^sallyport-login=; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax$/)
    const mine = await door.send('/api/v1/session', { cookie: session.split(';', 1)[0] ?? '' })
    assert.equal(mine.body['principal'], 'user:corp/alice')
    assert.deepEqual(mine.body['roles'], ['operator'])
    assert.deepEqual(
      [door.acts[0]?.action, door.acts[0]?.subject, door.acts[0]?.event['via']],
      ['admin.login', 'user:corp/alice', 'login'],
    )
    assert.doesNotMatch(JSON.stringify(door.acts), /code-0|eyJ/)
    assert.match(door.provider.authorizations[0] ?? '', /^Basic /)
  }))

test('a code and a state are good for one login', () =>
  withProvider(async (door) => {
    const { location, cookie } = await door.begin()
    const query = door.provider.authorize(location)
    const both = await Promise.all([door.comeBack(query, cookie), door.comeBack(query, cookie)])
    assert.deepEqual(new Set(both.map(({ status }) => status)), new Set([200, 403]))
    assert.equal((await door.comeBack(query, cookie)).status, 403)
    assert.equal(door.provider.redeemed.length, 1)
    assert.equal(door.admin.sessions.list().length, 1)
  }))

test('a state that another browser began opens nothing in this one', () =>
  withProvider(async (door) => {
    const [mine, theirs] = [await door.begin(), await door.begin()]
    // the victim is sent to the callback with the attacker's code: it would be logged in as the attacker
    assertRefused(await door.comeBack(door.provider.authorize(theirs.location, 'mallory'), mine.cookie), door)
    assertRefused(await door.comeBack(door.provider.authorize(mine.location)), door)
    const third = await door.begin()
    for (const cookie of ['sallyport-login=', `sallyport-login=${'A'.repeat(43)}`, `${third.cookie}; ${third.cookie}`])
      assertRefused(await door.comeBack(door.provider.authorize((await door.begin()).location), cookie), door)
    assert.deepEqual(door.provider.redeemed, [])
  }))

test('a state that nobody began, or that waited too long, opens nothing', () =>
  withProvider(async (door) => {
    const { location, cookie } = await door.begin()
    const query = door.provider.authorize(location)
    for (const state of ['', 'x', '__proto__', query['state']?.slice(0, -1) ?? ''])
      assertRefused(await door.comeBack({ ...query, state }, cookie), door)
    const { state: _, ...without } = query
    assertRefused(await door.comeBack(without, cookie), door)
    door.clock.advance(600_000)
    assertRefused(await door.comeBack(query, cookie), door)
  }))

test('the answer of another issuer is refused: mix-up', () =>
  withProvider(async (door) => {
    for (const iss of ['https://evil.example.com', 'https://idp.example.com/', 'http://idp.example.com', '']) {
      const { location, cookie } = await door.begin()
      assertRefused(await door.comeBack({ ...door.provider.authorize(location), iss }, cookie), door)
    }
    const { location, cookie } = await door.begin()
    const { iss: _, ...without } = door.provider.authorize(location)
    assertRefused(await door.comeBack(without, cookie), door)
    assert.deepEqual(door.provider.redeemed, [])
  }))

test('an ID token that is not of this issuer, client, login and moment is refused', () =>
  withProvider(async (door) => {
    const lies: Record<string, Lies> = {
      'another audience': { claims: { aud: 'other' } },
      'no audience': { claims: { aud: [] } },
      'two audiences without azp': { claims: { aud: ['sallyport', 'other'] } },
      'two audiences, azp another': { claims: { aud: ['sallyport', 'other'], azp: 'other' } },
      'another nonce': { claims: { nonce: 'x' } },
      'another issuer': { claims: { iss: 'https://evil.example.com' } },
      expired: { claims: { exp: 1_000 } },
      'not yet valid': { claims: { nbf: 9_999_999_999 } },
      'alg none': { unsigned: true },
      'alg none, said so': { idToken: 'eyJhbGciOiJub25lIn0.e30.' },
      'another key': { key: otherKey },
      'another key, its own kid': { key: otherKey, header: { kid: 'other' } },
      'unknown critical header': { header: { crit: ['x'], x: 1 } },
      'no token': { idToken: '' },
      'no JWT': { idToken: 'a.b.c' },
      'not a success': { status: 500 },
      'no subject': { claims: { sub: 7 } },
    }
    for (const [name, lie] of Object.entries(lies)) {
      const { location, cookie } = await door.begin()
      door.provider.lies = lie
      const answer = await door.comeBack(door.provider.authorize(location), cookie)
      assert.equal(answer.status, 403, `${name}: ${answer.text}`)
      assert.deepEqual(door.admin.sessions.list(), [], name)
      door.provider.lies = {}
    }
  }))

test('metadata of another issuer is not believed', () =>
  withProvider(async (door) => {
    door.provider.lies = { metadata: { issuer: 'https://evil.example.com' } }
    assert.equal((await door.send('/api/v1/login')).status, 503)
    door.provider.lies = { silent: true }
    const answer = await door.send('/api/v1/login')
    assert.equal(answer.status, 503)
    assert.equal(answer.body['code'], 'ADMIN_LOGIN_UNAVAILABLE')
    door.provider.lies = {}
    assert.equal((await door.send('/api/v1/login')).status, 303)
  }))

test('what the provider says no to is refused, and its words go nowhere', () =>
  withProvider(async (door) => {
    const { location, cookie } = await door.begin()
    const { state = '', iss = '' } = door.provider.authorize(location)
    const query = { state, iss, error: 'access_denied', error_description: '<script>x</script>' }
    const answer = await door.comeBack(query, cookie)
    assertRefused(answer, door)
    assert.doesNotMatch(answer.text, /script/)
  }))

test('who is known and has no role gets no session, and that is recorded under his name', () =>
  withProvider(async (door) => {
    const { location, cookie } = await door.begin()
    assertRefused(await door.comeBack(door.provider.authorize(location, 'bob'), cookie), door)
    const act = door.acts.find(({ action }) => action === 'admin.login.refused')
    assert.equal(act?.subject, 'user:corp/bob')
  }))

test('no parameter says where a login leads', () =>
  withProvider(async (door) => {
    for (const name of ['returnTo', 'redirect_uri', 'next', 'url', 'to'])
      assert.equal((await door.send(`/api/v1/login?${name}=https://evil.example.com`)).status, 400)
    const { location, cookie } = await door.begin({ referer: 'https://evil.example.com/' })
    const query = { ...door.provider.authorize(location), redirect_uri: 'https://evil.example.com', next: '//evil' }
    const answer = await door.comeBack(query, cookie)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['location'], undefined)
    assert.doesNotMatch(answer.text, /evil/)
    assert.deepEqual(answer.headers['referrer-policy'], ['no-referrer'])
  }))

test('another page cannot begin a login', () =>
  withProvider(async (door) => {
    assert.equal((await door.send('/api/v1/login', { 'sec-fetch-site': 'cross-site' })).status, 403)
    assert.equal((await door.send('/api/v1/login', { origin: 'https://evil.example.com' })).status, 403)
    await door.begin({ 'sec-fetch-site': 'none' })
    await door.begin({ 'sec-fetch-site': 'same-origin' })
  }))

test('logins that are begun and left use up no room: the oldest gives way', () =>
  withProvider(async (door) => {
    const first = await door.begin()
    const second = await door.begin()
    for (let count = 0; count < 99; count += 1) await door.begin()
    assertRefused(await door.comeBack(door.provider.authorize(first.location), first.cookie), door)
    assert.equal((await door.comeBack(door.provider.authorize(second.location), second.cookie)).status, 200)
  }))

test('a login that cannot be recorded opens nothing', () =>
  withProvider(async (door) => {
    const { location, cookie } = await door.begin()
    door.breakLedger(true)
    assertRefused(await door.comeBack(door.provider.authorize(location), cookie), door, 503)
  }))

test('a role that is taken away counts at the next request of a session that is open', () =>
  withProvider(async (door) => {
    const { location, cookie } = await door.begin()
    const answer = await door.comeBack(door.provider.authorize(location), cookie)
    const session = { cookie: answer.headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '' }
    assert.equal((await door.send('/api/v1/keys', session)).status, 200)
    door.configure(config('viewer'))
    assert.equal((await door.send('/api/v1/keys', session)).status, 403)
  }))

test('behind TLS the redirect URI and the cookies are those of the public host', () =>
  withProvider(async (door) => {
    const { location, cookie } = await door.begin()
    assert.match(cookie, /^__Host-sallyport-login=/)
    assert.equal(new URL(location).searchParams.get('redirect_uri'), 'https://admin.example.com/api/v1/login/callback')
    const answer = await door.comeBack(door.provider.authorize(location), cookie)
    assert.match(answer.headers['set-cookie']?.[0] ?? '', /^__Host-sallyport-session=.*; Secure$/)
  }, 'https://admin.example.com'))

test('where no login is configured there is none', async () => {
  const admin = await startAdmin({ tokens: [] })
  try {
    assert.equal((await admin.send('/api/v1/login')).status, 404)
    assert.equal((await admin.send('/api/v1/login/callback?code=x&state=y')).status, 404)
  } finally {
    await admin.close()
  }
})
