import { verifyLedger } from '../../src/audit/verify-ledger.ts'
import { rmSync, cpSync } from 'node:fs'
for (const root of Array(8).fill('/tmp/gocheck/log')) {
  const t = performance.now()
  const r = await verifyLedger(root)
  console.log(root, r.ok, r.size, Math.round(r.size / ((performance.now() - t) / 1000)), r.problems.length, r.notes)
}
