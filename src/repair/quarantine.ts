/** Entries of index.json that can't be mended, taken out of it where that was asked for. */

import { canonicalBytes, canonicalJson } from '../canonical-json.ts'
import { parseIndex } from '../document.ts'
import type { Fault } from '../fsck.ts'
import { tagOf } from '../index-json.ts'
import { indexJsonOptions, readIndexJson } from '../layout.ts'
import { storedBytes } from '../stored-bytes.ts'
import { keyOf } from '../walk.ts'
import { keep } from './keep.ts'
import { unlessFaulty, type Work } from './work.ts'
import { wrongOf } from './wrong.ts'

/**
 * Takes out every entry that reaches an error. index.json as it was is kept as a blob, so it can be put back. Tells whether
 * something was made whole since it was found wrong.
 */
export async function quarantineEntries(work: Work, faults: readonly Fault[]): Promise<boolean> {
  const { layout, signal } = work
  const index = faults.length > 0 ? await unlessFaulty(readIndexJson(layout, work)) : undefined
  if (index === undefined) return false
  const { entries, isStale } = await wrongOf(work, faults)
  const { manifests } = index.value
  const out = manifests.filter(entry => entries.has(keyOf(entry)))
  const kept = out.length > 0 ? await keep(work, storedBytes(index.bytes), 'index.json') : undefined
  if (kept === undefined) return isStale
  const forms = new Set(out.map(canonicalJson))
  const bounds = indexJsonOptions(layout.engine)
  await layout.storage.update(
    'index.json',
    now => {
      if (now === undefined) return undefined
      const value = parseIndex(now, bounds)
      const staying = value.manifests.filter(entry => !forms.has(canonicalJson(entry)))
      return staying.length === value.manifests.length
        ? undefined
        : canonicalBytes({ ...value, manifests: staying })
    },
    { signal },
  )
  for (const [i, entry] of manifests.entries()) {
    if (!forms.has(canonicalJson(entry))) continue
    const name = tagOf(entry)
    const message = `${name === undefined ? 'the entry' : `${JSON.stringify(name)}`} of ${entry.digest} taken out; index.json as it was is kept as ${kept}`
    work.note({ kind: 'quarantined', digest: kept, path: `index.json/manifests/${i}`, message })
  }
  return isStale
}
