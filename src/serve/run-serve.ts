// `sallyport serve`: the gateway by its configuration, until it is asked to stop.

import { isLoopback, splitAddress } from '../config/config.ts'
import type { ServeOptions } from '../cli/ports.ts'
import { startGateway } from './gateway.ts'
import { runUntilStopped } from './run-until-stopped.ts'

export async function runServe(options: ServeOptions): Promise<number> {
  const { loaded, dataDir } = options
  return await runUntilStopped({
    start: (log, onFatal) => startGateway({ loaded, dataDir, log, onFatal }),
    ready: (gateway) => {
      const ready = { gateway: gateway.url, admin: gateway.adminUrl, dataDir: gateway.state.dataDir, pid: process.pid }
      const { host } = splitAddress(loaded.config.gateway.listen)
      const plain = loaded.config.gateway.tls === undefined && !isLoopback(host) ? ' (dangerously without TLS)' : ''
      options.out(
        options.json
          ? `${JSON.stringify(ready)}\n`
          : `gateway ${gateway.url}${plain}\nadmin   ${gateway.adminUrl}\ndata    ${ready.dataDir}\n`,
      )
      return Promise.resolve()
    },
    err: options.err,
    quiet: false,
  })
}
