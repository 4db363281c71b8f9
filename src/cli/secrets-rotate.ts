// `secrets rotate`: seals everything under a new data key, with --kek also under a new key-encryption key, while the
// gateway runs. Asked again it goes on where it was interrupted.

import { changeState } from './change-state.ts'
import { configOption, dataDirOption } from './command.ts'
import type { Command } from './command.ts'
import { printJson } from './io.ts'
import type { RotationProgress } from './ports.ts'
import { requireDataDir } from './state.ts'

export const command: Command = {
  arguments: [],
  options: {
    kek: { value: 'REFERENCE', about: 'a new key-encryption key, file:PATH or env:NAME of the running gateway' },
    config: configOption,
    'data-dir': dataDirOption,
  },
  details: `A data directory holds data keys wrapped under the key-encryption key, and what they seal. Until the rotation has
finished, the old key-encryption key and the new one both open everything; afterwards only the new one does. Keys of
the ledger's bodies are not sealed anew, see docs/secrets.md.`,
  run: async (input) => {
    const state = await requireDataDir(input)
    const kek = input.option('kek') ?? null
    const tell = (progress: RotationProgress): void => {
      const { done, total } = progress
      const percent = total === 0 ? 100 : Math.floor((100 * done) / total)
      if (input.json) printJson(input.io, { ...progress, percent })
      else input.io.out(`${done} of ${total} sealed anew (${percent} %)\n`)
    }
    let progress = await changeState(input, state, 'secrets.rotate', { kek, goOn: false })
    tell(progress)
    while (!progress.finished) {
      progress = await changeState(input, state, 'secrets.rotate', { kek, goOn: true })
      tell(progress)
    }
    if (!input.json && kek !== null && progress.isNewKek) {
      input.io.out(`finished; before the next start write audit.keyEncryptionKey: ${kek}\n`)
      input.io.out('keep the old key-encryption key as long as backups from before: docs/secrets.md\n')
    } else if (!input.json) input.io.out('finished\n')
    return 0
  },
}
