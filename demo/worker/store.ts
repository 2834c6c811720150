/** The layout of this page: in the origin private file system, opened once. */

import { OciDir, type StorageAdapter } from 'ocidir'
import { opfs } from 'ocidir/fsa'

let opening: Promise<OciDir<StorageAdapter>> | undefined

/** The layout that builds go into. A failed opening is tried again by the next call. */
export function builds(): Promise<OciDir<StorageAdapter>> {
  opening ??= openBuilds().catch(error => {
    opening = undefined
    throw error
  })
  return opening
}

async function openBuilds(): Promise<OciDir<StorageAdapter>> {
  const storage = await opfs('builds')
  return OciDir.ensure(storage)
}
