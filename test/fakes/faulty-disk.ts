// A disk that can be told to be full, read-only or dying: the real one, with failures put in front of it.

import { nodeFiles, type FileSystem, type OpenFile } from '../../src/audit/files.ts'

export type DiskCall = 'open' | 'write' | 'datasync' | 'truncate' | 'rename' | 'syncFolder'

export interface FaultyDisk extends FileSystem {
  /** what each call does: an error code to fail with, or nothing. A write may get some bytes out first. */
  plan: (call: DiskCall, path: string) => string | { code: string; writes: number } | undefined
  readonly calls: string[]
}

export function createFaultyDisk(): FaultyDisk {
  const disk: FaultyDisk = {
    ...nodeFiles,
    plan: () => undefined,
    calls: [],
    async open(path, mode) {
      check('open', path)
      return faulty(await nodeFiles.open(path, mode), path)
    },
    async rename(from, to) {
      check('rename', to)
      await nodeFiles.rename(from, to)
    },
    async syncFolder(path) {
      check('syncFolder', path)
      await nodeFiles.syncFolder(path)
    },
  }
  const planned = (call: DiskCall, path: string): { code: string; writes: number } | undefined => {
    disk.calls.push(`${call} ${path.split('/').at(-1)}`)
    const plan = disk.plan(call, path)
    return typeof plan === 'string' ? { code: plan, writes: 0 } : plan
  }
  const check = (call: DiskCall, path: string): void => {
    const plan = planned(call, path)
    if (plan !== undefined) throw failure(plan.code)
  }
  const faulty = (file: OpenFile, path: string): OpenFile => ({
    ...file,
    async write(bytes, position) {
      const plan = planned('write', path)
      await file.write(plan === undefined ? bytes : bytes.subarray(0, plan.writes), position)
      if (plan !== undefined) throw failure(plan.code)
    },
    async datasync() {
      check('datasync', path)
      await file.datasync()
    },
    async truncate(size) {
      check('truncate', path)
      await file.truncate(size)
    },
  })
  return disk
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: made to fail`), { code })
}
