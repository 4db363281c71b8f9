// A verifier of one log that was written from docs/ledger.md and the C2SP pages that it names, and shares no code with
// ours: where the page and the bytes disagree, it throws. It knows nothing but the folder, takes no secret, and leaves
// out what only matters while a writer is at work. Slow and short on purpose.

import assert from 'node:assert/strict'
import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkTiles } from './stranger-tiles.ts'
import { crc32c, grow, rootOf, sha256, sizeOf, type Edge } from './stranger-tree.ts'

export interface ReadRecord {
  readonly index: number
  readonly leaf: Buffer
  readonly bytes: Buffer
  readonly envelope: Readonly<Record<'call' | 'kind' | 'operation' | 'outcome' | 'body', string>> & {
    readonly index: number
    readonly fields: Readonly<Record<string, string>>
  }
  body: Buffer | undefined
  isExpired: boolean
}

export interface ReadLog {
  readonly origin: string
  readonly records: readonly ReadRecord[]
  readonly size: number
  /** base64 */
  readonly root: string
}

const base64url = (bytes: Buffer): string => bytes.toString('base64url')
const u64 = (...values: readonly number[]): Buffer =>
  Buffer.from(BigUint64Array.from(values, (value) => BigInt(value)).buffer)

interface Key {
  readonly line: string
  readonly keyHash: string
  readonly publicKey: KeyObject
}

function readKeys(dir: string): { origin: string; keys: Map<string, Key> } {
  const lines = readFileSync(join(dir, 'key.vkey'), 'latin1').trimEnd().split('\n')
  const origin = lines[0]?.split('+')[0] ?? ''
  const keys = lines.map((line): [string, Key] => {
    const [name = '', keyHash = ''] = line.split('+')
    const typed = Buffer.from(line.slice(name.length + keyHash.length + 2), 'base64')
    assert.equal(typed[0], 1)
    assert.equal(sha256(`${name}\n`, typed).toString('hex', 0, 4), keyHash)
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: base64url(typed.subarray(1)) }
    return [base64url(sha256(line)), { line, keyHash, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) }]
  })
  return { origin, keys: new Map(keys) }
}

export function verifyAsStranger(dir: string): ReadLog {
  return new Stranger(dir).run()
}

class Stranger {
  readonly #dir: string
  readonly #origin: string
  readonly #keys: Map<string, Key>
  readonly #records: ReadRecord[] = []
  readonly #edge: Edge = []
  /** key lines by their hashes: those that sign the present group, newest first, and those that sign the next */
  #valid: readonly string[]
  #next: readonly string[] = []
  #named: string[] = []
  readonly #checkpoint: Buffer
  #isCheckpointMet = false

  constructor(dir: string) {
    this.#dir = dir
    const { origin, keys } = readKeys(dir)
    this.#origin = origin
    this.#keys = keys
    this.#valid = [...keys.keys()].slice(0, 1)
    this.#next = this.#valid
    this.#checkpoint = readFileSync(join(dir, 'checkpoint'))
  }

  run(): ReadLog {
    const names = readdirSync(join(this.#dir, 'segments')).toSorted()
    for (const name of names) this.#readSegment(name)
    assert.ok(this.#isCheckpointMet, 'the checkpoint is of a state that the log was in')
    assert.deepEqual(this.#named, [...this.#keys.keys()], 'the lines of key.vkey')
    const first = Number(names[0]?.slice(0, 20))
    this.#checkGone(first)
    this.#checkLines(first)
    const own = this.#records.map(({ envelope }) => envelope.fields['layout'])
    if (own.includes('tlog-tiles') || first > 0) this.#checkLeaves()
    const root = rootOf(this.#edge).toString('base64')
    return { origin: this.#origin, records: this.#records, size: sizeOf(this.#edge), root }
  }

  #readSegment(name: string): void {
    const bytes = readFileSync(join(this.#dir, 'segments', name))
    const first = Number(name.slice(0, 20))
    assert.equal(bytes.toString('latin1', 0, 8), 'SLYLEDGR')
    assert.equal(bytes.readUInt32LE(8), 1)
    assert.equal(bytes.readBigUInt64LE(16), BigInt(first))
    let at = 24
    const part = (): Buffer => {
      const length = bytes.readUInt16LE(at)
      at += 2 + length
      return bytes.subarray(at - length, at)
    }
    assert.equal(part().toString(), this.#origin)
    const hashes = part()
    const note = part()
    assert.equal(bytes.readUInt32LE(12), at + 4)
    assert.equal(bytes.readUInt32LE(at), crc32c(bytes.subarray(0, at)))
    if (this.#edge.length === 0 && first > 0) this.#resume(first, hashes, note)
    assert.deepEqual(hashes, Buffer.concat(this.#edge.map(({ hash }) => hash)))
    assert.equal(sizeOf(this.#edge), first)
    this.#checkNote(note)
    this.#meetCheckpoint()
    // no segment begins directly behind a change of keys
    assert.deepEqual(this.#next, this.#valid)
    this.#readGroups(bytes, at + 4)
  }

  /** The oldest segment of a pruned log says where it stands in the tree, and by its note who signs. */
  #resume(first: number, hashes: Buffer, note: Buffer): void {
    let at = 0
    for (let leaves = 2 ** 52; leaves >= 1; leaves /= 2) {
      if (Math.floor(first / leaves) % 2 === 1) this.#edge.push({ leaves, hash: hashes.subarray(at, (at += 32)) })
    }
    const signers = note
      .toString()
      .split('\n\n')[1]
      ?.trimEnd()
      .split('\n')
      .map((line) => Buffer.from(line.split(' ')[2] ?? '', 'base64').toString('hex', 0, 4))
    const all = [...this.#keys]
    this.#valid = (signers ?? []).map((signer) => all.find(([, { keyHash }]) => keyHash === signer)?.[0] ?? '')
    this.#next = this.#valid
    const newest = all.findIndex(([line]) => line === this.#valid[0])
    assert.ok(newest >= 0 && this.#valid.length <= 2)
    if (this.#valid.length === 2) assert.equal(this.#valid[1], all[newest - 1]?.[0])
    this.#named = all.slice(0, newest + 1).map(([line]) => line)
  }

  #readGroups(bytes: Buffer, from: number): void {
    let group: ReadRecord[] = []
    for (let at = from; at < bytes.length;) {
      const [length, sum, type] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4), bytes[at + 8]]
      assert.equal(crc32c(bytes.subarray(at + 8, at + 9 + length)), sum)
      const payload = bytes.subarray(at + 9, at + 9 + length)
      at += 9 + length
      const last = group.at(-1)
      if (type === 1) group.push(this.#readEnvelope(payload))
      else if (type === 3) {
        this.#endGroup(group, payload)
        group = []
      } else {
        assert.ok(last !== undefined && last.body === undefined && !last.isExpired)
        assert.notEqual(last.envelope.body, '')
        if (type === 2) last.body = payload
        else assert.deepEqual([type, length], [4, 0])
        last.isExpired = type === 4
        if (type === 2) assert.equal(base64url(sha256(payload)), last.envelope.body)
      }
    }
    assert.equal(group.length, 0, 'a group that no commit ends')
  }

  #readEnvelope(bytes: Buffer): ReadRecord {
    const envelope = JSON.parse(bytes.toString()) as ReadRecord['envelope'] // asserted below, as far as it is used
    const leaf = sha256(Buffer.of(0), bytes)
    assert.equal(envelope.index, sizeOf(this.#edge))
    grow(this.#edge, 1, leaf)
    return { index: envelope.index, leaf, bytes, envelope, body: undefined, isExpired: false }
  }

  #endGroup(group: readonly ReadRecord[], commit: Buffer): void {
    assert.ok(group.length >= 1 && group.length <= 256)
    assert.equal(commit.readUInt32LE(), group.length)
    assert.deepEqual(commit.subarray(4, 4 + 32 * group.length), Buffer.concat(group.map(({ leaf }) => leaf)))
    this.#valid = this.#next
    this.#checkNote(commit.subarray(4 + 32 * group.length))
    for (const { envelope, body, isExpired } of group) {
      assert.equal(envelope.body === '', body === undefined && !isExpired)
      if (envelope.kind === 'lifecycle' && envelope.body === '') this.#takeKeys(envelope.fields, group.length)
    }
    this.#meetCheckpoint()
    this.#records.push(...group)
  }

  #takeKeys(fields: Readonly<Record<string, string>>, recordsInGroup: number): void {
    const { 'signing-key': added, 'retired-key': retired } = fields
    if (added === undefined && retired === undefined) return
    assert.equal(recordsInGroup, 1, 'a change of keys stands alone')
    if (retired !== undefined) {
      assert.equal(this.#next.length, 2)
      assert.equal(this.#next[1], retired)
      this.#next = this.#next.slice(0, 1)
    } else if (added !== undefined) {
      const isFirst = this.#named.length === 0
      assert.equal(this.#next.length, 1)
      assert.equal(this.#next[0] === added, isFirst)
      this.#named.push(added)
      if (!isFirst) this.#next = [added, ...this.#next]
    }
  }

  /** Of the tree as it is, by the keys that are valid and nobody else. */
  #checkNote(note: Buffer): void {
    const root = rootOf(this.#edge).toString('base64')
    const text = `${this.#origin}\n${sizeOf(this.#edge)}\n${root}\n`
    const [before, after = ''] = note.toString().split('\n\n')
    assert.equal(`${before}\n`, text)
    const lines = after.split('\n')
    assert.equal(lines.pop(), '')
    assert.equal(lines.length, this.#valid.length, 'one signature by each valid key')
    for (const [at, line] of lines.entries()) {
      const key = this.#keys.get(this.#valid[at] ?? '') ?? assert.fail('a key that is not listed')
      const signature = Buffer.from(line.slice(`\u2014 ${this.#origin} `.length), 'base64')
      assert.equal(line, `\u2014 ${this.#origin} ${signature.toString('base64')}`)
      assert.equal(signature.toString('hex', 0, 4), key.keyHash)
      assert.ok(verify(null, Buffer.from(text), key.publicKey, signature.subarray(4)))
    }
  }

  #meetCheckpoint(): void {
    if (this.#checkpoint.toString().split('\n')[1] !== String(sizeOf(this.#edge))) return
    this.#checkNote(this.#checkpoint)
    this.#isCheckpointMet = true
  }

  #minimumIndex(): number {
    const path = join(this.#dir, 'minimum-index')
    if (!existsSync(path)) return 0
    const text = readFileSync(path, 'latin1')
    assert.match(text, /^[1-9]\d*\n$/)
    return Number(text)
  }

  /** Records of the ledger about itself that have a field. */
  #own(field: string): { index: number; value: string; fields: Readonly<Record<string, string>> }[] {
    return this.#records
      .filter(({ envelope }) => ['lifecycle', 'subject-key'].includes(envelope.kind) && envelope.body === '')
      .map(({ index, envelope: { fields } }) => ({ index, value: fields[field] ?? '', fields }))
      .filter(({ value }) => value !== '')
  }

  #checkGone(first: number): void {
    const expiries = this.#own('expired-before').filter(({ index, value }) => Number(value) <= index)
    for (const { index, envelope } of this.#records.filter(({ isExpired }) => isExpired)) {
      const isSaid = expiries.some(
        ({ value, fields }) => Number(value) > index && fields['expired-kinds']?.split(',').includes(envelope.kind),
      )
      assert.ok(isSaid, `nothing says that body ${index} expired`)
    }
    this.#checkNamedBodies(first)
    const minimums = this.#own('minimum-index').filter(({ index, value }) => Number(value) <= index)
    const stated = this.#minimumIndex()
    if (stated > 0) assert.ok(minimums.some(({ value }) => Number(value) === stated))
    assert.ok(first <= stated, 'older segments are missing')
    for (const { index } of this.#own('succeeds')) assert.equal(index, 1)
  }

  /** What is gone from a segment is what one record says of it. Those of earlier versions say less. */
  #checkNamedBodies(first: number): void {
    const named = this.#own('expired-bodies').map(({ value }) => value)
    if (named.length < this.#own('expired-before').length) return
    const begins = readdirSync(join(this.#dir, 'segments')).map((name) => Number.parseInt(name, 10))
    for (const begin of begins) {
      const end = Math.min(...begins.filter((each) => each > begin))
      const gone = this.#records.filter(({ index, isExpired }) => isExpired && index >= begin && index < end)
      const sum = base64url(sha256(...gone.map(({ index }) => u64(index))))
      if (gone.length > 0) assert.ok(named.includes(`${begin} ${gone.length} ${sum}`), 'other bodies are gone')
    }
    assert.ok(begins.includes(first))
  }

  /** The newest record of a pruning says which lines of pruned records stay. */
  #checkKeptLines(lines: readonly { index: number; hash: string; erasure: number | undefined }[]): void {
    const pruning = this.#own('minimum-index').at(-1)
    const { 'kept-lines': kept, 'kept-erased': keptErased } = pruning?.fields ?? {}
    if (pruning === undefined || kept === undefined) return
    const below = lines.filter(({ index }) => index < Number(pruning.value))
    const hashes = below.map(({ hash }) => Buffer.from(hash, 'base64url'))
    assert.equal(kept, `${below.length} ${base64url(sha256(...hashes))}`)
    const erased = below.flatMap(({ index, erasure = Infinity }) =>
      erasure < pruning.index ? [u64(index, erasure)] : [],
    )
    assert.equal(keptErased, `${erased.length} ${base64url(sha256(...erased))}`)
  }

  #checkLines(first: number): void {
    const text = readFileSync(join(this.#dir, 'subjects.keys'), 'latin1')
    const found = text.split('\n').slice(0, -1)
    const commitments = new Map<number, string>()
    const erased = new Map<number, Buffer[]>()
    for (const line of found) {
      const parts = line.split(' ')
      const sum = parts.pop() ?? ''
      assert.equal(
        crc32c(Buffer.from(parts.join(' ')))
          .toString(16)
          .padStart(8, '0'),
        sum,
      )
      const [form, index, month, keyId, hash = '', erasure = ''] = parts
      assert.ok(form === 'k1' || form === 'x1')
      assert.match(`${month} ${keyId}`, /^\d{4}-\d\d [0-9a-f]{16}$/)
      commitments.set(Number(index), form === 'x1' ? hash : base64url(sha256(`${line}\n`)))
      const others = erased.get(Number(erasure)) ?? []
      if (form === 'x1') erased.set(Number(erasure), [...others, Buffer.from(hash, 'base64url')])
    }
    assert.equal(commitments.size, found.length)
    this.#checkKeptLines(
      found.map((line) => {
        const [form, index, , , , erasure] = line.split(' ')
        const hash = commitments.get(Number(index)) ?? ''
        return { index: Number(index), hash, erasure: form === 'x1' ? Number(erasure) : undefined }
      }),
    )
    const committed = this.#own('line').map(({ index, value }): [number, string] => [index, value])
    assert.deepEqual(
      [...commitments].filter(([index]) => index >= first),
      committed,
    ) // in order, too
    const erasures = this.#own('erased-lines').map(({ index, value }): [number, string] => [index, value])
    const sums = [...erased].map(([index, hashes]): [number, string] => [index, base64url(sha256(...hashes))])
    assert.deepEqual(new Map(sums.filter(([index]) => index >= first)), new Map(erasures))
  }
  /** Of the records that the published tiles cover. */
  #checkLeaves(): void {
    const leaves = checkTiles(this.#dir, this.#minimumIndex())
    const covered = this.#records.filter(({ index }) => 32 * index < leaves.length)
    for (const { index, leaf } of covered) assert.deepEqual(leaf, leaves.subarray(32 * index, 32 * index + 32))
  }
}
