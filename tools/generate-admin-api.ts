// Writes schema/admin.openapi.json from the table of the admin API's routes. With --check it writes nothing and exits 1
// when the committed file differs.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describeApi, routes } from '../src/admin/admin.ts'

const name = 'schema/admin.openapi.json'
const file = join(dirname(import.meta.dirname), name)
const content = `${JSON.stringify(describeApi(routes), null, 2)}\n`

if (!process.argv.includes('--check')) writeFileSync(file, content)
else if (!existsSync(file) || readFileSync(file, 'utf8') !== content) {
  process.stderr.write(`error: ${name} is not what the routes say\nhint: npm run gen\n`)
  process.exitCode = 1
}
