/** Mends a layout as far as that is possible, and loses nothing on the way. */

import { type Engine, engineFor } from '../engine.ts'
import type { Finding } from '../findings.ts'
import { type Fault, type FsckOptions, type FsckResult, fsckTelling } from '../fsck.ts'
import { atSteadyPace, type ProgressOptions } from '../progress.ts'
import type { ReadableStorage, StorageAdapter } from '../storage.ts'
import { mendBlobs } from './blobs.ts'
import { mendIndex } from './index-json.ts'
import { mendMarker } from './marker.ts'
import { quarantineEntries } from './quarantine.ts'
import { Rehearsal } from './rehearsal.ts'
import type { RepairAction, Work } from './work.ts'

/** Options of `repair`. */
export interface RepairOptions extends ProgressOptions, Pick<FsckOptions, 'deep' | 'blobs'> {
  /** Where good bytes are looked for, in this order: a copy of the layout, or any other one. */
  readonly from?: ReadableStorage | readonly ReadableStorage[] | undefined
  /** Writes nothing, and says what would be done. */
  readonly dryRun?: boolean | undefined
  /**
   * Takes entries that can't be mended out of index.json; it is kept as a blob as it was. Else they stay, for what they
   * need may still come. Wrong bytes lose a name that isn't theirs either way. What a writer makes whole meanwhile stays, but
   * for what comes in the very moment between the last look and the edit.
   */
  readonly quarantine?: boolean | undefined
  readonly engine?: Engine | undefined
}

/** What `repair` did, or in a dry run would do. */
export interface RepairResult {
  /** What was done, in that order. */
  readonly actions: readonly RepairAction[]
  /** What `fsck` found at first. */
  readonly before: FsckResult
  /** What it found when nothing more could be mended. */
  readonly after: FsckResult
}

/**
 * Mends what `fsck` finds, also where `OciDir.open` throws. Blobs come from other storages, from descriptors' `data`, or
 * from a wrong name, verified before they are committed; index.json's entries are mended by what their blobs say, and made
 * again of the manifests that lie in blobs/ where it is gone.
 *
 * Nothing is deleted: bytes under a name that isn't theirs, and index.json as it was, are kept as blobs under their own
 * digests, which nothing names, so that the next `gc` takes them. No bytes that have a digest are changed. What is inside
 * of a layer or manifest can't be mended, and what a killed repair leaves is no worse than what it found; writers may be at
 * work, another repair should not.
 *
 * @example
 * const { actions, after } = await repair(storage, { from: backup })
 */
export function repair(storage: StorageAdapter, options: RepairOptions = {}): Promise<RepairResult> {
  return atSteadyPace(options, paced => repairTelling(storage, paced))
}

async function repairTelling(storage: StorageAdapter, options: RepairOptions): Promise<RepairResult> {
  const { dryRun = false, quarantine = false, deep, blobs, engine, from = [], signal } = options
  const place = dryRun ? new Rehearsal(storage) : storage
  const passed = progressOf(options)
  const actions: RepairAction[] = []
  const work: Work = {
    layout: {
      storage: place,
      places: blobs === undefined ? [place] : [place, blobs],
      engine: engineFor(storage, engine),
    },
    sources: Array.isArray(from) ? from : [from],
    signal,
    note: action => actions.push(action),
    passed,
  }
  let faults: Fault[] = []
  const check = (): Promise<FsckResult> => {
    faults = []
    let told = 0
    const onProgress = ({ bytes }: { readonly bytes: number }): void => {
      passed(bytes - told)
      told = bytes
    }
    const { engine } = work.layout
    return fsckTelling(place, {
      deep,
      blobs,
      engine,
      signal,
      onProgress,
      onFault: fault => faults.push(fault),
    })
  }
  const before = await check()
  let after = before
  let stale = 0
  for (let pass = 0; pass < mostPasses; pass++) {
    const done = actions.length
    let isStale = await mend(work, after.findings)
    if (actions.length === done && quarantine) isStale = await quarantineEntries(work, faults)
    if (actions.length === done && !(isStale && ++stale < mostStale)) break
    after = await check()
  }
  return { actions, before, after }
}

/** A blob that was mended may name others that are missing: as deep as documents lie in each other, and some more. */
const mostPasses = 100

/** What writers make whole in between is no end to that, but a medium that says so each time is. */
const mostStale = 3

/** Blobs before the index that names them. Tells whether one was made whole since it was found wrong. */
async function mend(work: Work, findings: readonly Finding[]): Promise<boolean> {
  const isStale = await mendBlobs(work, findings)
  await mendMarker(work)
  await mendIndex(work, findings)
  return isStale
}

function progressOf({ onProgress }: ProgressOptions): (bytes: number) => void {
  let sum = 0
  return bytes => {
    sum += bytes
    if (bytes > 0) onProgress?.({ bytes: sum })
  }
}
