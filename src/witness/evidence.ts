// Keeps requests that a log signed and a witness refused. Two roots signed for one size prove that the log lies, by
// themselves; a proof that does not verify may be anybody's rubbish around a true checkpoint. Each kind has a bounded
// number of files of its own, so that what anybody can send never displaces what only a log can sign.

import { hash } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../base/make-folder.ts'

/** `split`: another root at the size that was cosigned. `unproven`: no proof that it leads on from there. */
export type EvidenceKind = 'split' | 'unproven'

export interface Evidence {
  readonly kind: EvidenceKind
  readonly origin: string
  readonly receivedAtMs: number
  /** the note that was cosigned before */
  readonly cosigned: string
  /** the text of the checkpoint that was refused */
  readonly refused: string
  /** as it came */
  readonly request: string
}

export interface EvidenceKeeper {
  /** False when it is known already, or there is no room. Never throws: to refuse does not depend on it. */
  keep(evidence: Evidence): boolean
}

const maxFilesOfKind = 100 // bound: files of evidence that a witness keeps, of each kind

export function createEvidenceKeeper(folder: string, warn: (message: string) => void): EvidenceKeeper {
  return {
    keep(evidence) {
      try {
        makeFolder(folder)
        // the same contradiction again is the same file
        const digest = hash('sha256', `${evidence.cosigned}\n${evidence.refused}`, 'hex').slice(0, 32)
        const name = `${evidence.kind}-${digest}.json`
        const ofKind = readdirSync(folder).filter((each) => each.startsWith(`${evidence.kind}-`))
        if (ofKind.includes(name) || ofKind.length >= maxFilesOfKind) return false
        writeFileSync(join(folder, name), `${JSON.stringify(evidence)}\n`, { flag: 'wx', mode: 0o600, flush: true })
        warn(`evidence against ${evidence.origin} was kept: ${name}`)
        return true
      } catch (error) {
        warn(`evidence against ${evidence.origin} could not be kept: ${String(error)}`)
        return false
      }
    },
  }
}
