/** Where a browser writes when it is killed, and what its page and the test say to each other. */

import { opfs } from '../../adapters/fsa/index.ts'
import { indexedDb } from '../../adapters/indexeddb/index.ts'
import type { StorageAdapter } from '../../src/storage.ts'

/** A layout that is written while the browser is killed. */
export interface KillMedium {
  readonly promise: 'P2' | 'P19'
  /** Written from inside a dedicated worker, which has sync access handles of its own where there are any. */
  readonly inWorker: boolean
  /** Bytes of a layer, from and up to. */
  readonly sizes: readonly [number, number]
  open(): Promise<StorageAdapter>
}

/** The layouts, by name. */
export const media = {
  'OPFS by createWritable': {
    promise: 'P2',
    inWorker: false,
    sizes: [1_000, 200_000],
    open: () => opfs('kill-small'),
  },
  // More than a buffer of unknown size goes to the adapter's worker.
  'OPFS by the worker of sync handles': {
    promise: 'P2',
    inWorker: false,
    sizes: [1_100_000, 3_000_000],
    open: () => opfs('kill-large'),
  },
  'OPFS inside a worker': {
    promise: 'P2',
    inWorker: true,
    sizes: [1_000, 2_000_000],
    open: () => opfs('kill-worker'),
  },
  IndexedDB: {
    promise: 'P19',
    inWorker: false,
    sizes: [1_000, 2_500_000],
    open: () => indexedDb(databaseName),
  },
} as const satisfies Readonly<Record<string, KillMedium>>

/** The name under which the database is written. */
export const databaseName = 'kills'

/** The name of a layout. */
export type MediumName = keyof typeof media

/** Writers that give a file its name before its bytes, by name: they must lose. */
export const straightWays = {
  'createWritable on the final name': { folder: 'straight', inWorker: false },
  'a sync handle on the final name': { folder: 'straight-sync', inWorker: true },
} as const

/** The name of such a writer. */
export type StraightWay = keyof typeof straightWays

/** What the server has been told that is there. */
export interface Told {
  readonly blobs: readonly { readonly digest: string; readonly size: number }[]
  readonly tags: readonly { readonly name: string; readonly digest: string }[]
}

/** What the page does: looks at what it finds, then writes until it is killed. */
export interface Orders {
  readonly round: number
  readonly told: Readonly<Partial<Record<MediumName, Told>>>
  /** At the end it loses the database on purpose instead, and looks whether that is noticed. */
  readonly isLast: boolean
}

/** What was found in a layout. */
export interface Found {
  /** Acknowledged, and not there. */
  readonly lost: readonly string[]
  /** There, and not what its name says; findings of fsck; what no sweep took. */
  readonly wrong: readonly string[]
  readonly swept: number
  /** That the medium says of itself that it lost everything, and who opens the layout is told so. */
  readonly saysLost: boolean
  /** That nothing at all is there. */
  readonly isEmpty: boolean
  /** What stays for the next round. */
  readonly kept: Told
}

/** What the page says when it has looked. */
export interface Report {
  readonly found: Readonly<Record<MediumName, Found>>
  /** Names whose bytes aren't theirs, by the writer that gave them. */
  readonly straight: Readonly<Record<StraightWay, readonly string[]>>
  /** Whether the loss on purpose was told at open; only of the last. */
  readonly isLossTold: boolean | undefined
}

/** What the page, or its worker, says while it writes: it is there, and the writer has been told so; or by which way. */
export type Acknowledgement =
  | { readonly by: MediumName; readonly blob: Told['blobs'][number] }
  | { readonly by: MediumName; readonly tag: Told['tags'][number] }
  | { readonly by: MediumName; readonly bySyncHandle: true }
  | { readonly by: StraightWay }
  | { readonly fault: string }
