/** The memory adapter, in Node and Chromium: bare, and wrapped. */

import { describe, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { forwarding, storageSuite } from '../suites/index.ts'

await storageSuite({ test: { describe, it }, factory: () => ({ open: () => memory() }) })
await storageSuite({
  test: { describe, it },
  factory: () => ({ open: () => forwarding(memory('memory, wrapped')) }),
})
