// Receipts that a caller can hold against the log: `<origin>/<index>/<leaf hash>` in Sallyport-Record, and, where the
// configuration asks for it, an Ed25519 signature of the log's newest key in Sallyport-Record-Signature. The signed
// text has a first line of its own, so that it can never be taken for a checkpoint (C2SP tlog-checkpoint), nor a
// checkpoint for it. Parsing takes hostile text and answers undefined.

import { sign, verify, type KeyObject } from 'node:crypto'
import { decodeBase64Url } from '../base/bytes.ts'
import type { Receipt } from '../exchange/exchange.ts'
import { isKeyName, type Verifier } from '../tlog/checkpoint.ts'
import { hashBytes } from '../tlog/merkle.ts'

const domain = 'sallyport-receipt/v1'
const signaturePattern = /^([0-9a-f]{8}) ([A-Za-z0-9_-]{86})$/
const indexPattern = /^(?:0|[1-9][0-9]{0,15})$/

/** As in the header Sallyport-Record. */
export function formatReceipt({ origin, index, leafHash }: Receipt): string {
  return `${origin}/${index}/${leafHash}`
}

export function parseReceipt(text: string): Receipt | undefined {
  const leafAt = text.lastIndexOf('/')
  const indexAt = text.lastIndexOf('/', leafAt - 1)
  if (indexAt < 1) return undefined
  const [origin, index, leafHash] = [text.slice(0, indexAt), text.slice(indexAt + 1, leafAt), text.slice(leafAt + 1)]
  if (!isKeyName(origin) || !indexPattern.test(index) || !Number.isSafeInteger(Number(index))) return undefined
  if (decodeBase64Url(leafHash)?.length !== hashBytes) return undefined
  return { origin, index: Number(index), leafHash }
}

/**
 * What is signed. As a checkpoint its third line would be a root, and an index is far too short for one; it has a
 * fourth line besides, which no checkpoint of ours has.
 */
function signedText({ origin, index, leafHash }: Receipt): Buffer {
  return Buffer.from(`${domain}\n${origin}\n${index}\n${leafHash}\n`)
}

/** The value of Sallyport-Record-Signature. Signs on the thread pool: calls go on meanwhile. */
export function signReceipt(receipt: Receipt, signer: { keyHash: number; privateKey: KeyObject }): Promise<string> {
  return new Promise((resolve, reject) => {
    sign(null, signedText(receipt), signer.privateKey, (error, signature) => {
      if (error !== null) reject(error)
      else resolve(`${signer.keyHash.toString(16).padStart(8, '0')} ${signature.toString('base64url')}`)
    })
  })
}

/** Hash of the key that a signature says it is by; undefined when it is no signature. */
export function signingKeyHash(signature: string): number | undefined {
  const keyHash = signaturePattern.exec(signature)?.[1]
  return keyHash === undefined ? undefined : Number.parseInt(keyHash, 16)
}

/** True when one of the keys signed exactly this receipt. */
export function verifyReceiptSignature(receipt: Receipt, signature: string, verifiers: readonly Verifier[]): boolean {
  const [, keyHash = '', encoded = ''] = signaturePattern.exec(signature) ?? []
  const bytes = decodeBase64Url(encoded)
  if (bytes?.length !== 64) return false
  const text = signedText(receipt)
  return verifiers.some(
    (verifier) =>
      verifier.name === receipt.origin &&
      verifier.keyHash === Number.parseInt(keyHash, 16) &&
      verify(null, text, verifier.publicKey, bytes),
  )
}
