/** The layer suite on the media of Chromium; a folder's handle writes and reads as OPFS does. */

import { describe, it } from 'vitest'
import { opfs } from '../../adapters/fsa/index.ts'
import { layerSuite } from '../suites/index.ts'
import { placeFor } from './fsa-places.ts'
import { indexedDbPlace } from './indexeddb-place.ts'

const test = { describe, it }

await layerSuite({ test, factory: () => placeFor(name => opfs(name)) })
await layerSuite({ test, factory: indexedDbPlace })
