/** A file of the disk by itself: an archive. */

import { realpath } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { OciError } from '../../src/errors.ts'
import type { NamedFile } from '../../src/storage.ts'
import { faulty } from './faults.ts'
import { native } from './native.ts'
import { openBlob } from './stored.ts'

/** The file behind `file`. */
export async function openFile(given: string | URL): Promise<NamedFile> {
  const name = typeof given === 'string' ? given : fileURLToPath(given)
  const place = { storage: name, operation: 'open' }
  const found = await faulty(place, async () => openBlob(await realpath(name), place))
  // Removed in this moment.
  if (found === undefined) throw new OciError('STORAGE_FAILED', place)
  return { ...found, name, native }
}
