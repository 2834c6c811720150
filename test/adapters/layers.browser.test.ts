/** The layer suite on the media of Chromium: OPFS, a folder's handle, IndexedDB. */

import { describe, it } from 'vitest'
import { folder, opfs } from '../../adapters/fsa/index.ts'
import { layerSuite } from '../suites/index.ts'
import { handleOf, placeFor } from './fsa-places.ts'
import { indexedDbPlace } from './indexeddb-place.ts'

const test = { describe, it }

await layerSuite({ test, factory: () => placeFor(name => opfs(name)) })
await layerSuite({ test, factory: () => placeFor(async name => folder(await handleOf(name))) })
await layerSuite({ test, factory: indexedDbPlace })
