// `demo`: gateway, admin listener and sample agents in one process, with fresh secrets and commands to paste.

import { resolve } from 'node:path'
import type { Command } from './command.ts'
import { CommandError, toExitCode } from './io.ts'

export const command: Command = {
  arguments: [],
  options: {
    port: { value: 'PORT', about: 'port of the gateway; 0 for any free one (default: 7000)' },
    'admin-port': { value: 'PORT', about: 'port of the admin listener; 0 for any free one (default: 7001)' },
    'data-dir': { value: 'DIR', about: 'data directory (default: a fresh one)' },
  },
  details: 'with --json exactly one line is printed, when everything is ready',
  run: async (input) => {
    const { out, err, color, cwd } = input.io
    const dataDir = input.option('data-dir')
    const options = {
      port: readPort('--port', input.option('port')),
      adminPort: readPort('--admin-port', input.option('admin-port')),
      dataDir: dataDir === undefined ? undefined : resolve(cwd, dataDir),
    }
    return toExitCode(await (await input.ports()).runDemo({ ...options, json: input.json, color, out, err }))
  },
}

function readPort(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (!(port <= 65_535))
    throw new CommandError(
      2,
      `${flag} is not a port: ${JSON.stringify(text)}`,
      'write a number up to 65535; 0 for any free one',
    )
  return port
}
