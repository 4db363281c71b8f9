// How large the small files of a data directory may be that are read whole. What is larger was not written by us, and
// is not read: it is as if it held nothing that can be understood. Each is far above what a log can come to.

export const fileBounds = {
  keyList: 16_777_216, // bound: bytes in a log's list of verifier keys
  minimumIndex: 64, // bound: bytes in the file minimum-index
  journal: 67_108_864, // bound: bytes in the journal of an erasure
  signingKey: 16_384, // bound: bytes in a file with a signing key
  lock: 1_024, // bound: bytes in the lock of a log
  role: 1_024, // bound: bytes in a file that names the log of a role, or a key that retires
  succession: 2_097_152, // bound: bytes in what is known of a log that was set aside
  holds: 16_777_216, // bound: bytes in the list of legal holds
} as const
