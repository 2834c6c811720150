/** A page that copies a large blob slowly, until it is reloaded; and what it does then. Bundled and served. */

import { opfs } from '../../adapters/fsa/index.ts'
import { indexedDb } from '../../adapters/indexeddb/index.ts'
import { copy } from '../../src/copy/copy.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { done, openRaw } from '../adapters/indexeddb-raw.ts'
import { LargeSource, trusting } from '../unit/core/resumable.ts'

/** Where to, and how. */
export interface ResumePlace {
  readonly medium: 'opfs' | 'indexeddb'
  readonly dir: string
  readonly seed: number
}

/** What came of a copy. */
export interface ResumeOutcome {
  readonly resumed: number
  /** Bytes of the large blob that were read of the source. */
  readonly read: number
  readonly wrong: readonly string[]
  /** Private files that are left. */
  readonly left: number
}

/** The deeds that the test calls. */
export interface ResumeDeeds {
  /** Begins a copy and resolves when so many bytes have passed; the copy goes on, until the page is gone. */
  begin(place: ResumePlace, bytes: number): Promise<void>
  /** The same, but ended by an abort. */
  abort(place: ResumePlace, bytes: number): Promise<void>
  /** Copies to the end. */
  goOn(place: ResumePlace, how?: { readonly trusts: boolean }): Promise<ResumeOutcome>
  /** Overwrites bytes of what is left by zeros. Gives whether there was any. */
  damage(place: ResumePlace): Promise<boolean>
}

declare global {
  var resumeDeeds: ResumeDeeds
}

/** Bytes of the large blob. */
const size = 12 * 1024 * 1024 + 5
const opened = new Map<string, Promise<StorageAdapter>>()

globalThis.resumeDeeds = {
  async begin(place, bytes) {
    await new Promise<void>((resolve, reject) => {
      copySlowly(place, passed => {
        if (passed >= bytes) resolve()
      }).then(() => reject(new Error('it was too fast')), reject)
    })
  },
  async abort(place, bytes) {
    const controller = new AbortController()
    const ended = copySlowly(
      place,
      passed => {
        if (passed >= bytes) controller.abort(new Error('enough'))
      },
      controller.signal,
    )
    const thrown = await ended.catch(error => error)
    if (thrown !== controller.signal.reason) throw new Error(`not aborted: ${String(thrown)}`)
  },
  async goOn(place, { trusts } = { trusts: false }) {
    const source = await LargeSource.make(place.seed, size)
    const storage = await open(place)
    const target = await OciDir.ensure(trusts ? trusting(storage, source) : storage)
    const { resumed } = await copy(await source.dir(), target)
    const { findings } = await fsck(storage)
    const wrong = findings.filter(({ severity }) => severity === 'error').map(({ code }) => code)
    let left = 0
    for await (const { kind } of storage.list()) if (kind === 'staged') left++
    return { resumed, read: source.read, wrong, left }
  },
  damage: place => (place.medium === 'opfs' ? damageFile(place) : damageChunk(place)),
}

/** One storage for a place, as a page has. */
function open({ medium, dir }: ResumePlace): Promise<StorageAdapter> {
  const opening = opened.get(dir) ?? (medium === 'opfs' ? opfs(dir) : indexedDb(dir))
  opened.set(dir, opening)
  return opening
}

async function copySlowly(
  place: ResumePlace,
  onPassed: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const source = await LargeSource.make(place.seed, size)
  source.rest = () => {
    onPassed(source.read)
    return new Promise(resolve => setTimeout(resolve, 4))
  }
  const target = await OciDir.ensure(await open(place))
  await copy(await source.dir(), target, { signal })
}

async function damageFile({ dir }: ResumePlace): Promise<boolean> {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(dir)
  const home = await root.getDirectoryHandle('.ocidir')
  let isDone = false
  for await (const handle of home.values()) {
    if (!(handle instanceof FileSystemFileHandle) || !handle.name.startsWith('part-')) continue
    const writable = await handle.createWritable({ keepExistingData: true })
    await writable.write({ type: 'write', position: 1_000_000, data: new Uint8Array(50_000) })
    await writable.close()
    isDone = true
  }
  return isDone
}

async function damageChunk({ dir }: ResumePlace): Promise<boolean> {
  const db = await openRaw(dir)
  const store = db.transaction('chunks', 'readwrite').objectStore('chunks')
  const [first] = await done(store.getAllKeys())
  if (first !== undefined) await done(store.put(new Uint8Array(1024 * 1024), first))
  db.close()
  return first !== undefined
}
