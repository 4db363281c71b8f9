// Records that are not of calls, as OCSF: administration as Entity Management (3004), starts, stops and the ledger's
// own keys as Application Lifecycle (6002), a flood as Detection Finding (2004), gaps, retention and trouble with
// witnesses as Compliance Finding (2003). An action that is not listed here is still an event, of activity Other under its name.

import type { JsonObject } from '../base/strict-json.ts'
import { ownOperation, type OwnOperation } from './encode-record.ts'
import type { OcsfMembers } from './ocsf-calls.ts'
import {
  activityOther,
  classify,
  control,
  failed,
  newFinding,
  ocsfClass,
  resolvedFinding,
  severity,
  succeeded,
  type Severity,
} from './ocsf-names.ts'
import { filled, gatewayActor, readEvent, unmappedOf, userOf, type EventReader } from './ocsf-parts.ts'
import type { OcsfSource } from './read-ledger.ts'

type Place = { readonly origin: string; readonly version: string }

/** Each operation of the ledger's own stands in one table: here, under `ownControls`, or under `lifecycleActivities`. */
const ownActivities = {
  [ownOperation.subjectKey]: 1,
  [ownOperation.erased]: 4,
} as const satisfies Partial<Record<OwnOperation, number>>

/** By the last word of an action: `key.create`, `audit.erase`, `ledger.rotate-key`. */
const entityActivities: Readonly<Record<string, number>> = {
  create: 1,
  hold: 1,
  'begun-anew': 1,
  disclose: 2,
  export: 2,
  reload: 3,
  refused: 3,
  rotate: 3,
  'rotate-key': 3,
  rebuilt: 3,
  retargeted: 3,
  erase: 4,
  prune: 4,
  revoke: 4,
  release: 4,
  skipped: 4,
  started: 8,
  ...ownActivities,
}

const alarming = /refused|begun-anew/

/** An administrative act. Its subject is what was changed, not who changed it. */
export function administrationEvent(record: OcsfSource, { origin }: Place): OcsfMembers {
  const { envelope } = record
  const event = readEvent(record.event)
  event.value('action') // the envelope has it too
  const [thing = '', ...words] = envelope.operation.replace(/\.done$/, '').split('.')
  const activity = entityActivities[words.at(-1) ?? thing] ?? activityOther
  const [id, name, by, detail] = [event.text('id'), event.text('name'), event.text('by'), event.text('detail')]
  const reason = event.text('reason')
  const isRefused = envelope.outcome === 'refused' || envelope.outcome === 'failed' || words.at(-1) === 'refused'
  const uid = [id, name, envelope.actor, Object.values(envelope.fields)[0] ?? ''].find((each) => each !== '')
  return {
    profiles: [],
    members: {
      ...classify(ocsfClass.entityManagement, activity, envelope.operation),
      ...severity(alarming.test(envelope.operation) ? 'medium' : 'informational'),
      ...(isRefused ? failed : succeeded),
      ...filled({ status_code: envelope.code, status_detail: detail, comment: reason }),
      actor: by === '' ? gatewayActor(origin) : { ...gatewayActor(origin), user: userOf(by) },
      entity: filled({ uid: uid ?? thing, name: name === '' ? thing : name, type_id: 99, type: thing }),
      unmapped: unmappedOf(record, origin, filled({ action: envelope.operation, event: event.rest() })),
    },
  }
}

type LifecycleOperation = Exclude<OwnOperation, keyof typeof ownActivities | keyof typeof ownControls>

const lifecycleActivities: Readonly<Record<string, number>> = {
  started: 3,
  stopped: 4,
  [ownOperation.created]: 1,
  [ownOperation.succeeds]: activityOther,
  [ownOperation.tilesBegun]: 8,
  [ownOperation.keyAdded]: 8,
  [ownOperation.keyRetired]: 8,
  [ownOperation.resumed]: 6,
} satisfies Record<LifecycleOperation | 'started' | 'stopped', number>

const unusual: ReadonlySet<string> = new Set([ownOperation.resumed, ownOperation.succeeds])

/** The gateway starts and stops; its ledger begins, resumes, or takes another signing key. */
export function lifecycleEvent(record: OcsfSource, { origin, version }: Place): OcsfMembers {
  const { operation } = record.envelope
  const event = readEvent(record.event)
  event.value('action')
  // of the gateway that wrote the record, where it says so
  const writer = event.text('version')
  return {
    profiles: [],
    members: {
      ...classify(ocsfClass.applicationLifecycle, lifecycleActivities[operation] ?? activityOther, operation),
      ...severity(unusual.has(operation) ? 'medium' : 'informational'),
      ...succeeded,
      app: { name: 'Sallyport', vendor_name: 'Sallyport', uid: origin, version: writer === '' ? version : writer },
      unmapped: unmappedOf(record, origin, filled({ action: operation, event: event.rest() })),
    },
  }
}

/** Refusals of a flood, counted: one finding when folding begins, one with the counts when it ends. */
export function floodEvent(record: OcsfSource, { origin }: Place): OcsfMembers {
  const { envelope } = record
  const event = readEvent(record.event)
  const [count, begun] = [event.number('folded'), event.number('foldingSince')]
  const sinceMs = begun ?? event.number('sinceMs')
  const activity = count === undefined ? (begun === undefined ? 0 : 1) : 3
  const isKnownCaller = envelope.code === 'LIMIT_RATE'
  const title = isKnownCaller ? 'Calls beyond a rate are refused' : 'Requests without a valid credential are refused'
  const atMs = Date.parse(envelope.time)
  return {
    profiles: ['security_control'],
    members: {
      ...classify(ocsfClass.detectionFinding, activity, ''),
      ...severity('medium'),
      ...(activity === 3 ? resolvedFinding : newFinding),
      ...control.counted,
      is_alert: activity !== 3,
      status_code: envelope.code,
      ...filled({
        count,
        start_time: sinceMs,
        end_time: count === undefined ? undefined : atMs,
        duration: count === undefined || sinceMs === undefined ? undefined : Math.max(0, atMs - sinceMs),
      }),
      finding_info: filled({
        // the same of a fold's two records
        uid: sinceMs === undefined ? `${origin}/${envelope.index}` : `${origin}/flood/${envelope.code}/${sinceMs}`,
        title,
        types: ['flood'],
        first_seen_time: sinceMs,
        last_seen_time: atMs,
      }),
      ...evidenceOf(event),
      unmapped: unmappedOf(record, origin, filled({ event: event.rest() })),
    },
  }
}

function evidenceOf(event: EventReader): JsonObject {
  const data = filled({
    codes: event.value('codes'),
    sources: event.value('sources'),
    other_sources: event.value('otherSources'),
  })
  return Object.keys(data).length === 0 ? {} : { evidences: [{ data }] }
}

interface Control {
  readonly title: string
  readonly severity: Severity
  /** 1 pass, 3 fail */
  readonly status: 1 | 3
}

const gap: Control = { title: 'Refusals could not be recorded', severity: 'high', status: 3 }
const witnessTrouble: Control = {
  title: 'Checkpoints are not witnessed as they should be',
  severity: 'high',
  status: 3,
}
const ownControls = {
  [ownOperation.expired]: {
    title: 'Bodies of records were removed at the end of their time',
    severity: 'low',
    status: 1,
  },
  [ownOperation.pruned]: { title: 'Records were removed at the end of their time', severity: 'low', status: 1 },
} as const satisfies Partial<Record<OwnOperation, Control>>
const complianceControls: Readonly<Record<string, Control>> = {
  'unrecorded-refusals': gap,
  'witness.conflict': witnessTrouble,
  ...ownControls,
}

/** What a record says of a duty of the ledger; undefined when it is about something else. */
function controlOf(operation: string): Control | undefined {
  return Object.hasOwn(complianceControls, operation) ? complianceControls[operation] : undefined
}

export const isCompliance = (operation: string): boolean => controlOf(operation) !== undefined

export function complianceEvent(record: OcsfSource, { origin }: Place): OcsfMembers {
  const { envelope } = record
  const { title, severity: level, status } = controlOf(envelope.operation) ?? gap
  const event = readEvent(record.event)
  event.value('action')
  return {
    profiles: [],
    members: {
      ...classify(ocsfClass.complianceFinding, 1, ''),
      ...severity(level),
      ...newFinding,
      finding_info: {
        uid: `${origin}/${envelope.index}`,
        title,
        types: [envelope.operation],
        created_time: Date.parse(envelope.time),
      },
      compliance: {
        control: envelope.operation,
        standards: ['Sallyport ledger'],
        status_id: status,
        status: status === 1 ? 'Pass' : 'Fail',
      },
      unmapped: unmappedOf(record, origin, filled({ action: envelope.operation, event: event.rest() })),
    },
  }
}
