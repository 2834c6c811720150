/** The page of a Chromium that is killed twice: writes blobs, and says which ones are there at the start after. */

import { opfs } from '../../adapters/fsa/index.ts'
import { indexedDb } from '../../adapters/indexeddb/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { Descriptor } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { bytesOf } from '../suites/material.ts'

/** Where it writes. */
export const places = {
  OPFS: () => opfs('torn'),
  IndexedDB: () => indexedDb('torn'),
} as const satisfies Readonly<Record<string, () => Promise<StorageAdapter>>>

/** The name of such a place. */
export type Place = keyof typeof places

/** What a blob is looked for by. */
export type Blob = Pick<Descriptor, 'digest' | 'size'>

/** What the page is told to do, in its address behind `#`. */
export interface Orders {
  /** Blobs to write, in each place: their seeds. */
  readonly write: readonly number[]
  /** Blobs that must be there before it writes. */
  readonly look: readonly Blob[]
  /** Keeps the adapter from filling the log before it writes. */
  readonly isBroken: boolean
}

/** What it found, and what it wrote. */
export interface Report {
  readonly lost: Readonly<Record<Place, number>>
  /** Whether a storage said at its opening that the browser had lost what was there. */
  readonly isTold: boolean
  /** The same ones in each place. */
  readonly written: readonly Blob[]
  readonly fault?: string
}

obey().then(report, error => report({ fault: `${error?.stack ?? error}` }))

async function obey(): Promise<Report> {
  const orders = JSON.parse(decodeURIComponent(location.hash.slice(1))) as Orders
  if (orders.isBroken) refuseFilling()
  const lost = { OPFS: 0, IndexedDB: 0 }
  let isTold = false
  const written = new Map<string, Blob>()
  for (const place of Object.keys(places) as Place[]) {
    const storage = await places[place]()
    isTold ||= storage.lostSince !== undefined
    const dir = await OciDir.ensure(storage)
    for (const blob of orders.look) if (!(await dir.hasBlob(blob))) lost[place]++
    for (const seed of orders.write) {
      const { digest, size } = await dir.writeBlob(bytesOf(1_000, seed))
      written.set(digest, { digest, size })
    }
  }
  return { lost, isTold, written: [...written.values()] }
}

/** Refuses a name that no layout has. */
function refuseFilling(): void {
  const { getDirectoryHandle } = FileSystemDirectoryHandle.prototype
  FileSystemDirectoryHandle.prototype.getDirectoryHandle = function (name, options) {
    if (name.length < 1000) return getDirectoryHandle.call(this, name, options)
    return Promise.reject(new TypeError('too long'))
  }
}

async function report(found: Partial<Report>): Promise<void> {
  await fetch('/report', { method: 'POST', body: JSON.stringify(found) })
}
