// What a cell of the matrix says: one word, and a numbered note where there is more to it. The table and the page use
// the same words.

import type { MatrixCell, MatrixRow } from './ports.ts'

/** Heads of the columns, short enough for a terminal, in the order of the operations. */
export const columns: readonly (readonly [head: string, operation: string])[] = [
  ['send', 'SendMessage'],
  ['stream', 'SendStreamingMessage'],
  ['get', 'GetTask'],
  ['list', 'ListTasks'],
  ['cancel', 'CancelTask'],
  ['sub', 'SubscribeToTask'],
  ['push+', 'CreateTaskPushNotificationConfig'],
  ['push', 'GetTaskPushNotificationConfig'],
  ['pushes', 'ListTaskPushNotificationConfigs'],
  ['push-', 'DeleteTaskPushNotificationConfig'],
  ['card', 'GetExtendedAgentCard'],
]

export interface Notes {
  /** `yes`, `if 2`, `no 3`, `-` */
  mark(cell: MatrixCell | undefined): string
  /** number and text, in order */
  list(): readonly (readonly [number: number, text: string])[]
}

export function createNotes(): Notes {
  const numbers = new Map<string, number>()
  return {
    mark(cell) {
      if (cell === undefined || cell.state === 'none') return '-'
      const word = cell.state === 'allow' ? 'yes' : cell.state === 'deny' ? 'no' : 'if'
      const text = describe(cell)
      if (text === '') return word
      const number = numbers.get(text) ?? numbers.size + 1
      numbers.set(text, number)
      return `${word} ${number}`
    },
    list: () => [...numbers].map(([text, number]) => [number, text] as const),
  }
}

function describe({ state, rules, denies }: MatrixCell): string {
  if (state === 'deny') return `denied by ${denies.map(({ name }) => name).join(', ')}`
  const isPlain = state === 'allow' && rules.every(({ owner }) => owner === 'self')
  if (isPlain) return ''
  const open = rules.filter(({ when }) => when === '')
  // where a rule has no condition, those that have one matter for the tasks they share alone
  const told = state === 'allow' ? rules.filter(({ when, owner }) => when === '' || owner !== 'self') : rules
  const parts = (open.length > 0 ? told : rules).map(({ name, when, owner, approval }) => {
    const tasks = owner === 'self' ? '' : `, ${tasksOf(owner)}`
    const asked = approval ? ', once a person has approved the call' : ''
    return `${name}${tasks}${asked}${when === '' ? '' : ` when ${oneLine(when)}`}`
  })
  const unless = denies.map(({ name, when }) => `unless ${name}: ${oneLine(when)}`)
  return [parts.join(' or '), ...unless].join('; ')
}

function tasksOf(owner: string): string {
  if (owner === 'any') return 'tasks of anybody'
  return owner === 'origin' ? 'tasks that the origin began' : `tasks of ${owner}`
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

export const isEmpty = (row: MatrixRow): boolean => Object.keys(row.cells).length === 0

export const nameOf = ({ who, account }: MatrixRow): string => (account === 'own' ? who : `${who} for others`)

/** The last line of what explains policy to people: it is not all that a call has to pass. */
export const beyondPolicyNote = 'note: blocks, scopes and networks are not looked at; see block list, key list'

export const forOthersNote = 'for others: what an agent may do on behalf of an origin that has the right itself'
