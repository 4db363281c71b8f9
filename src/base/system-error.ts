// What the operating system says when it refuses a call, in words for people. Tells the world's failures from bugs:
// only the former carry the name of a system call.

export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error
}

export function systemReason(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return reasons.get(code) ?? (code || 'unknown reason')
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file or folder'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'not permitted'],
  ['EISDIR', 'it is a directory'],
  ['ENOTDIR', 'a part of its path is not a directory'],
  ['EEXIST', 'something is there already'],
  ['EROFS', 'the file system is read-only'],
  ['ENOSPC', 'the disk is full'],
  ['EADDRINUSE', 'something listens there already'],
  ['EADDRNOTAVAIL', 'this machine has no such address'],
])
