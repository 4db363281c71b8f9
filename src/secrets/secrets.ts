// Door of secrets: how stored secrets are sealed. Values are sealed under data keys, data keys are wrapped under a
// key-encryption key that lies outside the data directory. Knows nothing of what is sealed, and stores only the
// wrapped data keys. docs/secrets.md.

export { createLocalKey, type KeyEncryptionKey } from './key-encryption-key.ts'
export { DataKeys, readLedgerKey, type NamedKey, type Rotation } from './data-keys.ts'
export { onDisk, type DataKeysDisk } from './data-keys-file.ts'
export { maxStoredBytes, StoredSecrets, type SecretRow, type SecretTable } from './stored-secrets.ts'
