// The words of OCSF 1.8.0 (schema.ocsf.io) that records are read in: classes, activities, severities, outcomes. Ids
// and captions come in pairs, and a pair never contradicts itself: who needs one takes both from here.

import type { JsonObject } from '../base/strict-json.ts'

export const ocsfVersion = '1.8.0'

export interface OcsfClass {
  readonly uid: number
  readonly name: string
  readonly category: string
  /** captions by activity id; 0 and 99 are of every class */
  readonly activities: Readonly<Record<number, string>>
}

const generic = { 0: 'Unknown', 99: 'Other' }
const findings = { ...generic, 1: 'Create', 2: 'Update', 3: 'Close' }

export const ocsfClass = {
  complianceFinding: { uid: 2003, name: 'Compliance Finding', category: 'Findings', activities: findings },
  detectionFinding: { uid: 2004, name: 'Detection Finding', category: 'Findings', activities: findings },
  authentication: {
    uid: 3002,
    name: 'Authentication',
    category: 'Identity & Access Management',
    activities: { ...generic, 1: 'Logon', 2: 'Logoff' },
  },
  authorizeSession: {
    uid: 3003,
    name: 'Authorize Session',
    category: 'Identity & Access Management',
    activities: { ...generic, 1: 'Assign Privileges' },
  },
  entityManagement: {
    uid: 3004,
    name: 'Entity Management',
    category: 'Identity & Access Management',
    activities: { ...generic, 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete', 8: 'Enable', 9: 'Disable' },
  },
  applicationLifecycle: {
    uid: 6002,
    name: 'Application Lifecycle',
    category: 'Application Activity',
    activities: { ...generic, 1: 'Install', 3: 'Start', 4: 'Stop', 6: 'Enable', 8: 'Update' },
  },
  apiActivity: {
    uid: 6003,
    name: 'API Activity',
    category: 'Application Activity',
    activities: { ...generic, 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete' },
  },
} as const satisfies Record<string, OcsfClass>

export const activityOther = 99

/** Class, activity and type of an event. `label` names an activity that the class has no id for. */
export function classify(of: OcsfClass, activity: number, label: string): JsonObject {
  const isKnown = activity !== activityOther && of.activities[activity] !== undefined
  const id = isKnown ? activity : activityOther
  const name = isKnown ? (of.activities[activity] ?? '') : label === '' ? 'Other' : label
  return {
    category_uid: Math.floor(of.uid / 1_000),
    category_name: of.category,
    class_uid: of.uid,
    class_name: of.name,
    activity_id: id,
    activity_name: name,
    type_uid: of.uid * 100 + id,
    type_name: `${of.name}: ${isKnown ? name : 'Other'}`,
  }
}

const severities = { informational: 1, low: 2, medium: 3, high: 4 } as const
export type Severity = keyof typeof severities

export function severity(name: Severity): JsonObject {
  return { severity_id: severities[name], severity: `${name.charAt(0).toUpperCase()}${name.slice(1)}` }
}

export const succeeded: JsonObject = { status_id: 1, status: 'Success' }
export const failed: JsonObject = { status_id: 2, status: 'Failure' }
export const aborted: JsonObject = { status_id: 99, status: 'Aborted' }
/** of findings, whose status is that of their handling */
export const newFinding: JsonObject = { status_id: 1, status: 'New' }
export const resolvedFinding: JsonObject = { status_id: 4, status: 'Resolved' }

/** What the gateway did, in the words of the profile `security_control`. */
export const control = {
  allowed: { action_id: 1, action: 'Allowed', disposition_id: 1, disposition: 'Allowed' },
  blocked: { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked' },
  erred: { action_id: 2, action: 'Denied', disposition_id: 27, disposition: 'Error' },
  counted: { action_id: 2, action: 'Denied', disposition_id: 20, disposition: 'Count' },
} as const satisfies Record<string, JsonObject>
