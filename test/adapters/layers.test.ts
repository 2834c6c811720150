/** The layer suite on a real folder. */

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { workFolder } from '../setup/work-folder.ts'
import { layerSuite, type StoragePlace } from '../suites/index.ts'

await layerSuite({ test: { describe, it }, factory: place })

async function place(): Promise<StoragePlace> {
  const parent = await workFolder('ocidir-layers-')
  return {
    open: () => folder(join(parent, 'layout')),
    remove: () => rm(parent, { recursive: true }),
  }
}
