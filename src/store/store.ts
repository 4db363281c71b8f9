// Door of store: state that one process holds under its data directory. Keys of callers and
// stored secrets in state.db, which is precious; who owns which task in index.db and where records are found in audit.db, which are disposable and rebuilt
// from the ledger; and the lock that keeps a second process out. Implements interfaces of authenticate and authorize;
// knows nothing of requests.

export { createContextNames, type ContextNames } from './context-names.ts'
export { openDataDir } from './data-dir.ts'
export { beginIndexAnew, discardIndex } from './open-index.ts'
export { isIndexDamage, openAuditIndex, type AuditIndex, type IndexedLog, type IndexRow } from './audit-index.ts'
export type { FoundRecord, RecordFilter } from './find-records.ts'
export { purgeSubject } from './purge-subject.ts'
export { openBlocks, type SqliteBlocks } from './sqlite-blocks.ts'
export { openKeyUseStore, type SqliteKeyUseStore } from './sqlite-key-use.ts'
export { openApprovalStore, type ApprovalStore } from './sqlite-approvals.ts'
export { openKeyStore, type SqliteKeyStore } from './sqlite-keys.ts'
export { openOwnershipIndex, type OwnershipIndex } from './sqlite-ownership.ts'
export type { SentRow } from './sent-rows.ts'
export type { OwnershipRetention } from './expired-rows.ts'
export { openSecretTable, type SqliteSecretTable } from './sqlite-secrets.ts'
export { openRevocationStore, type SqliteRevocationStore } from './sqlite-revocations.ts'
export { openSpentStore, type SqliteSpentStore } from './sqlite-spent-tokens.ts'
