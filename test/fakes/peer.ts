// Callers with a client certificate, for tests behind the handshake: whose chain still holds is said by the test.

import { authenticate } from '../../src/authenticate/authenticate.ts'
import type { ConfigInput } from '../../src/config/config.ts'
import type { Authenticated, PeerCertificate } from '../../src/exchange/exchange.ts'
import type { Refusal } from '../../src/refusal/refusal.ts'
import { foundAuthority, type Authority, type Issued, type IssueOptions } from './certificates.ts'
import { makeWorld, type World } from './identity.ts'

export interface FakePeer extends PeerCertificate {
  /** what the files say of its chain by now */
  trouble: string | undefined
  vouchers: Set<string>
}

export function peerOf({ der, thumbprint }: Issued, vouchers: readonly string[] = []): FakePeer {
  const peer: FakePeer = {
    der,
    thumbprint,
    trouble: undefined,
    vouchers: new Set(vouchers),
    problem: () => peer.trouble,
    isVouchedBy: (bundle) => peer.vouchers.has(bundle),
  }
  return peer
}

export interface PeerWorld extends World {
  readonly authority: Authority
  /** a certificate with these names, valid by the world's clock */
  issue(names: IssueOptions['names'], changed?: IssueOptions): Issued
  show(peer: PeerCertificate, headers?: Record<string, string>): Promise<Authenticated | Refusal>
  /** the same for a certificate made on the way */
  present(names: IssueOptions['names'], changed?: IssueOptions): Promise<Authenticated | Refusal>
}

const minuteMs = 60_000
type Mtls = NonNullable<NonNullable<ConfigInput['identity']>['mtls']>

export function makePeerWorld(mtls: Mtls = { spiffe: [{ trustDomain: 'example.org' }] }): PeerWorld {
  const world = makeWorld({
    gateway: { publicUrl: 'https://agents.example.com' },
    identity: { mtls },
    agents: [
      { name: 'calculator', url: 'http://127.0.0.1:8002' },
      { name: 'planner', url: 'http://127.0.0.1:8003', principals: ['spiffe://example.org/ns/a/sa/planner-agent'] },
    ],
  })
  const authority = foundAuthority()
  const issue: PeerWorld['issue'] = (names = [], changed = {}) => {
    const nowMs = world.clock.nowMs()
    return authority.issue({ names, notBeforeMs: nowMs - minuteMs, notAfterMs: nowMs + 60 * minuteMs, ...changed })
  }
  const show: PeerWorld['show'] = async (peer, headers = {}) =>
    await authenticate(Object.assign(world.receive(headers), { peer }), world.authenticator)
  return Object.assign(world, {
    authority,
    issue,
    show,
    present: async (names: IssueOptions['names'], changed?: IssueOptions) => await show(peerOf(issue(names, changed))),
  })
}
