import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import test from 'node:test'
import { foundAuthority, type Issued } from '../../test/fakes/certificates.ts'
import { createClientTrust, type ClientTrust } from './client-trust.ts'
import { readNames, readRevocationList } from './read-der.ts'

const dayMs = 86_400_000
const root = foundAuthority('root')
const middle = root.found('middle')
const direct = root.issue({ name: 'direct' })
const below = middle.issue({ name: 'below' })
const nowMs = Date.now()
const trustOf = (clientCa: string, revocationLists?: string, bundles: Record<string, string> = {}): ClientTrust =>
  createClientTrust({
    clientCa: Buffer.from(clientCa),
    bundles: new Map(Object.entries(bundles).map(([name, pem]) => [name, Buffer.from(pem)])),
    ...(revocationLists !== undefined && { revocationLists: Buffer.from(revocationLists) }),
  })
const problemOf = (trust: ClientTrust, leaf: Issued, sent: readonly Issued[] = [], atMs = nowMs): string | undefined =>
  trust.judge(
    new X509Certificate(leaf.der),
    sent.map(({ der }) => new X509Certificate(der)),
    atMs,
  ).problem

test('a chain counts while an authority of the bundle is at its end', () => {
  assert.equal(problemOf(trustOf(root.pem), direct), undefined)
  assert.equal(problemOf(trustOf(root.pem), below, [middle]), undefined)
  assert.equal(problemOf(trustOf(foundAuthority('x').pem + root.pem), below, [direct, middle]), undefined)
})

test('and no longer when it is not', () => {
  assert.notEqual(problemOf(trustOf(root.pem), below), undefined)
  for (const other of [foundAuthority('other'), foundAuthority('root'), foundAuthority('middle')]) {
    assert.notEqual(problemOf(trustOf(other.pem), direct), undefined)
    assert.notEqual(problemOf(trustOf(other.pem), below, [middle]), undefined)
    assert.notEqual(problemOf(trustOf(root.pem), other.issue({ name: 'leaf' }), [other, middle]), undefined)
  }
  // what was sent along is no authority of ours, also when it vouches for itself
  const own = foundAuthority('own')
  assert.notEqual(problemOf(trustOf(root.pem), own.issue(), [own, own]), undefined)
  // a leaf vouches for nobody
  const posing = root.issue({ name: 'posing' })
  const child = foundAuthority('posing', { keys: keysOf(posing) }).issue()
  assert.notEqual(problemOf(trustOf(root.pem), child, [posing]), undefined)
})

const keysOf = ({ der, key }: Issued): { publicKey: X509Certificate['publicKey']; privateKey: Issued['key'] } => ({
  publicKey: new X509Certificate(der).publicKey,
  privateKey: key,
})

test('only the authorities of a name vouch for it', () => {
  const other = foundAuthority('other')
  const trust = trustOf(root.pem + other.pem, undefined, { ours: root.pem, theirs: other.pem, middle: middle.pem })
  const vouchers = (leaf: Issued, ...sent: Issued[]): string[] => [
    ...trust.judge(
      new X509Certificate(leaf.der),
      sent.map(({ der }) => new X509Certificate(der)),
      nowMs,
    ).vouchers,
  ]
  assert.deepEqual(vouchers(direct), ['ours'])
  assert.deepEqual(vouchers(other.issue()), ['theirs'])
  assert.deepEqual(vouchers(below, middle), ['ours', 'middle'])
  assert.deepEqual(vouchers(foundAuthority('root').issue()), [])
})

test('a certificate that is on a list of its issuer is revoked, at any height', () => {
  const lists = (...revoked: Issued[]): string => root.revocationList({ revoked }) + middle.revocationList({ revoked })
  assert.equal(problemOf(trustOf(root.pem, lists()), below, [middle]), undefined)
  assert.equal(problemOf(trustOf(root.pem, lists(direct)), below, [middle]), undefined)
  assert.match(problemOf(trustOf(root.pem, lists(below)), below, [middle]) ?? '', /revoked/)
  assert.match(problemOf(trustOf(root.pem, lists(middle)), below, [middle]) ?? '', /revoked/)
  assert.match(problemOf(trustOf(root.pem, root.revocationList({ revoked: [direct] })), direct) ?? '', /revoked/)
})

test('a list of another authority revokes nothing, and is not the one that is missing', () => {
  const other = foundAuthority('other')
  const twin = other.issue({ serial: direct.serial })
  const lists = other.revocationList({ revoked: [twin] })
  assert.match(problemOf(trustOf(root.pem, lists), direct) ?? '', /no current/)
  assert.equal(problemOf(trustOf(root.pem, lists + root.revocationList()), direct), undefined)
})

test('a list that is out of date, or of the future, closes; what it names stays revoked', () => {
  const list = root.revocationList({ nextUpdateMs: nowMs + 1_000 })
  assert.equal(problemOf(trustOf(root.pem, list), direct), undefined)
  assert.match(problemOf(trustOf(root.pem, list), direct, [], nowMs + 1_000) ?? '', /no current/)
  const early = root.revocationList({ thisUpdateMs: nowMs + dayMs, nextUpdateMs: nowMs + 2 * dayMs })
  assert.match(problemOf(trustOf(root.pem, early), direct) ?? '', /no current/)
  const old = root.revocationList({ revoked: [direct], nextUpdateMs: nowMs - 1_000 }) + root.revocationList()
  assert.match(problemOf(trustOf(root.pem, old), direct) ?? '', /revoked/)
  // without the middle's own list nothing of its is known to be good
  assert.match(problemOf(trustOf(root.pem, root.revocationList()), below, [middle]) ?? '', /no current/)
})

test('a judgement holds until the first end in it', () => {
  const short = root.issue({ notAfterMs: nowMs + 3_000 })
  const judged = trustOf(root.pem, root.revocationList({ nextUpdateMs: nowMs + 9_000 })).judge(
    new X509Certificate(short.der),
    [],
    nowMs,
  )
  assert.ok(judged.untilMs <= nowMs + 3_000 && judged.untilMs > nowMs)
  assert.match(problemOf(trustOf(root.pem), short, [], nowMs + 3_000) ?? '', /expired/)
})

test('files that are not what they should be are not taken up', () => {
  const list = root.revocationList()
  for (const [ca, crl] of [
    ['', undefined],
    ['rubbish', undefined],
    [root.pem.slice(0, -30), undefined],
    [root.pem + root.pem.slice(0, 100), undefined],
    [root.pem.replace(/M/g, 'A'), undefined],
    [root.pem, ''],
    [root.pem, root.pem],
    [root.pem, list.slice(0, -30)],
    [root.pem, list + list.slice(0, 60)],
    [root.pem, list.replace(/\n.{8}/, '\nAAAAAAAA')],
  ] as const)
    assert.throws(() => trustOf(ca, crl))
})

test('a list of many thousands is read in a moment', () => {
  const many = Array.from({ length: 20_000 }, (_, at) => ({
    ...direct,
    serial: Buffer.from([0x40, at >> 8, at & 255]),
  }))
  const der = Buffer.from(root.revocationList({ revoked: many }).replaceAll(/-----[^-]+-----/g, ''), 'base64')
  const list = readRevocationList(der)
  assert.equal(list.serials.size, 20_000)
  assert.ok(list.serials.has('404e1f'))
  assert.equal(list.issuer, readNames(direct.der).issuer)
})

test('bytes cut anywhere are refused, never half read', () => {
  const list = Buffer.from(root.revocationList({ revoked: [direct] }).replaceAll(/-----[^-]+-----/g, ''), 'base64')
  for (let end = 0; end < list.length; end++) assert.throws(() => readRevocationList(list.subarray(0, end)))
  for (let end = 0; end < direct.der.length; end++) assert.throws(() => readNames(direct.der.subarray(0, end)))
})
