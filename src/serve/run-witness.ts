// `sallyport witness serve`: a witness until it is asked to stop, and `sallyport witness key`. Nothing of the gateway
// runs here, and nothing of its configuration is read.

import { systemClock } from '../base/clock.ts'
import type { WitnessKeyList, WitnessOptions } from '../cli/ports.ts'
import { formatAddress, splitAddress } from '../config/config.ts'
import { openWitnessKeys, startWitness } from '../witness/witness.ts'

export async function runWitness(options: WitnessOptions): Promise<number> {
  const { dataDir, name, vkeys, files, json, out, err, stop } = options
  const { host, port } = splitAddress(options.listen)
  const witness = await startWitness({
    dataDir,
    name,
    vkeys,
    files,
    host,
    port,
    clock: systemClock,
    warn: (message) => err(`${JSON.stringify({ level: 'warn', msg: message })}\n`),
  })
  const url = `http://${formatAddress(host, witness.port)}`
  out(
    json
      ? `${JSON.stringify({ witness: url, name: witness.name, keys: witness.vkeys, pid: process.pid })}\n`
      : `witness ${url}\n${witness.vkeys.map((vkey) => `key     ${vkey}\n`).join('')}`,
  )
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  await witness.close()
  return 0
}

export function witnessKeys({ dataDir, name }: { dataDir: string; name: string | undefined }): WitnessKeyList {
  const opened = openWitnessKeys(dataDir, name)
  return { name: opened.name, keys: opened.keys.map(({ vkey }) => vkey) }
}
