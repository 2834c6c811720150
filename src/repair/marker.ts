/** `oci-layout`: it says nothing but that this is a layout, so it can be written again. */

import { canonicalBytes } from '../canonical-json.ts'
import { parseJsonObject } from '../json.ts'
import { checkMarker, layoutVersion, readRootFile } from '../layout.ts'
import type { LayoutMarker } from '../spec.ts'
import { storedBytes } from '../stored-bytes.ts'
import { equalBytes } from '../streams.ts'
import { keep } from './keep.ts'
import { unlessFaulty, unlessUnreadable, type Work } from './work.ts'

const path = 'oci-layout'

/**
 * Writes the marker where it is missing or no marker at all, and there is a layout to mark. One of another version may be
 * right: it is replaced only where a source of the version known here has the very same index.json.
 */
export async function mendMarker(work: Work): Promise<void> {
  const { layout, signal } = work
  const marker: LayoutMarker = { imageLayoutVersion: layoutVersion }
  const bytes = await unlessFaulty(readRootFile(layout, path, work).then(found => ({ found })))
  if (bytes === undefined) return
  const { found } = bytes
  if (found === undefined) {
    if (!(await isLayout(work))) return
    await layout.storage.update(path, now => now ?? canonicalBytes(marker), { signal })
    return work.note({ kind: 'rebuilt', path, message: 'it was missing' })
  }
  const version = await unlessFaulty(versionIn(found))
  if (version === layoutVersion) return
  if (version !== undefined && !(await isMarkedOtherwise(work))) return
  const kept = found.length > 0 ? await keep(work, storedBytes(found), 'oci-layout') : 'nothing'
  if (kept === undefined) return
  await layout.storage.update(
    path,
    now => (now !== undefined && equalBytes(now, found) ? canonicalBytes(marker) : undefined),
    { signal },
  )
  if (found.length > 0)
    work.note({ kind: 'quarantined', digest: kept, path, message: `what stood there is kept as ${kept}` })
  work.note({ kind: 'rebuilt', path, message: `it was not the marker of version ${layoutVersion}` })
}

async function versionIn(bytes: Uint8Array): Promise<string | undefined> {
  const { imageLayoutVersion } = parseJsonObject(bytes, { where: path })
  return typeof imageLayoutVersion === 'string' ? imageLayoutVersion : undefined
}

async function isLayout({ layout, signal }: Work): Promise<boolean> {
  for await (const entry of layout.storage.list({ signal }))
    if (entry.path === 'index.json' || /^blobs\/[^/]+\/[^/]+$/.test(entry.path)) return true
  return false
}

async function isMarkedOtherwise(work: Work): Promise<boolean> {
  const { layout, sources } = work
  const own = await unlessFaulty(readRootFile(layout, 'index.json', work))
  for (const storage of own === undefined ? [] : sources) {
    const other = { ...layout, storage, places: [storage] }
    const index = await unlessUnreadable(
      checkMarker(other, work).then(() => readRootFile(other, 'index.json', work)),
      work,
    )
    if (own !== undefined && index !== undefined && equalBytes(own, index)) return true
  }
  return false
}
