/** Entries of index.json that can't be mended, taken out of it where that was asked for. */

import { canonicalBytes, canonicalJson } from '../canonical-json.ts'
import { parseIndex } from '../document.ts'
import type { Finding } from '../findings.ts'
import { tagOf } from '../index-json.ts'
import { indexJsonOptions, readIndexJson } from '../layout.ts'
import { storedBytes } from '../stored-bytes.ts'
import { keyOf } from '../walk.ts'
import { keep } from './keep.ts'
import { unlessFaulty, type Work } from './work.ts'
import { wrongEntries } from './wrong.ts'

/** Takes out every entry that reaches an error. index.json as it was is kept as a blob, so it can be put back. */
export async function quarantineEntries(work: Work, findings: readonly Finding[]): Promise<void> {
  const { layout, signal } = work
  const index = await unlessFaulty(readIndexJson(layout, work))
  if (index === undefined) return
  const wrong = await wrongEntries(work, findings)
  const { manifests } = index.value
  const out = manifests.filter(entry => wrong.has(keyOf(entry)))
  const kept = out.length > 0 ? await keep(work, storedBytes(index.bytes)) : undefined
  if (kept === undefined) return
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
}
