// All tests of the suite, in the order in which they are shown.

import type { ConformanceTest } from '../subject.ts'
import { cancelTests } from './cancel.ts'
import { cardTests } from './card.ts'
import { errorTests } from './errors.ts'
import { extendedCardTests } from './extended-card.ts'
import { extensionTests } from './extensions.ts'
import { listTests } from './list.ts'
import { pushTests } from './push.ts'
import { sendTests } from './send.ts'
import { streamTests } from './stream.ts'
import { subscribeTests } from './subscribe.ts'
import { taskTests } from './tasks.ts'
import { versionTests } from './versions.ts'

export const groups: Readonly<Record<string, readonly ConformanceTest[]>> = {
  'The card': cardTests,
  'Send a message': sendTests,
  'Stream a message': streamTests,
  'Get a task': taskTests,
  'List tasks': listTests,
  'Cancel a task': cancelTests,
  'Subscribe to a task': subscribeTests,
  'Push notifications': pushTests,
  'The extended card': extendedCardTests,
  Versions: versionTests,
  Extensions: extensionTests,
  Errors: errorTests,
}

export const allTests: readonly ConformanceTest[] = Object.values(groups).flat()
