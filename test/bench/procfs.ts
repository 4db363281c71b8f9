// What the system tells of a process and of a core: the processor time used and the memory held. Linux only; elsewhere
// these figures are left out of the tables.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

let ticksPerSecond: number | undefined

function readTicks(): number {
  ticksPerSecond ??= Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100
  return ticksPerSecond
}

/** Processor time that a process has used, all threads; undefined where /proc does not say. */
export function readCpuMs(pid: number): number | undefined {
  const stat = readProc(`/proc/${pid}/stat`)
  // The second field is a name that may hold spaces and brackets; what follows its last bracket is numbers.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields && ((Number(fields[11]) + Number(fields[12])) * 1000) / readTicks()
}

/** Time that one core was not idle, whoever used it, hypervisor included; undefined where /proc does not say. */
export function readCoreBusyMs(core: number): number | undefined {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readProc('/proc/stat') ?? '')
  if (!line) return undefined
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (line[1] ?? '').split(' ').map(Number)
  return ((user + nice + system + irq + softirq + steal) * 1000) / readTicks()
}

export function readResidentKiB(pid: number): number | undefined {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readProc(`/proc/${pid}/status`) ?? '')
  return found ? Number(found[1]) : undefined
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not Linux, or the process is gone: the figure is left out of the table.
    return undefined
  }
}
