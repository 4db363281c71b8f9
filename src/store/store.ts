// Door of store: state that one process holds under its data directory. Keys of callers in state.db, which is
// precious; who owns which task in index.db, which is disposable and rebuilt from the ledger; and the lock that
// keeps a second process out. Implements interfaces of authenticate and authorize; knows nothing of requests.

export { openDataDir, type DataDir } from './data-dir.ts'
export { openKeyStore, type SqliteKeyStore } from './sqlite-keys.ts'
export {
  openOwnershipIndex,
  type ClaimResult,
  type OwnershipIndex,
  type OwnershipIndexOptions,
} from './sqlite-ownership.ts'
export type { TaskFilter, TaskListing, TaskPage } from './list-tasks.ts'
