// A test that needs an outside part says so here: where the part is absent the test is skipped with a visible
// reason, but never in continuous integration, where a skipped test would be a hole nobody sees.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Options for `test(name, needs('tmpfs mounts', canMountTmpfs()), …)`. */
export function needs(part: string, available: boolean): { skip?: string } {
  if (available) return {}
  if (process.env['CI'] === 'true') throw new Error(`this test needs ${part}, which must be there in CI`)
  return { skip: `needs ${part}` }
}

/** True where this user may mount a small file system of its own. */
export function canMountTmpfs(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const at = mkdtempSync(join(tmpdir(), 'sallyport-mount-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at]).status === 0
  if (mounted) spawnSync('umount', [at])
  rmSync(at, { recursive: true, force: true })
  return mounted
}

/** True where the limits of a running process can be changed (util-linux). */
export function canLimitProcesses(): boolean {
  return process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0
}
