/** P6: readers that never rest beside writers that never rest, on any storage. */

import { canonicalBytes } from '../../src/canonical-json.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { emptyDescriptor, mediaTypes } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { Tally } from '../setup/tally.ts'
import { pause } from '../suites/material.ts'

export interface Torn {
  reads: number
  writes: number
  /** Versions of index.json that were seen. */
  seen: number
  /** Reads that found another version than the same reader's last one. */
  changed: number
  /** Reads that failed, and the first error of them. */
  failed: number
  error: string
  /** Reads of an index that isn't a whole version. */
  torn: number
}

/** An index of `version`, whose length and content say which it is. */
export function indexOf(version: number): Uint8Array {
  const manifests = Array.from({ length: version % 97 }, () => ({ ...emptyDescriptor, version }))
  return canonicalBytes({ schemaVersion: 2, mediaType: mediaTypes.index, manifests, version })
}

/** A writer as there should be none: one version in two steps, the first of which leaves half of it. */
export function inHalves(put: (bytes: Uint8Array) => Promise<void>): (version: number) => Promise<void> {
  return async version => {
    const whole = indexOf(version)
    await put(whole.slice(0, whole.length / 2))
    await put(whole)
  }
}

/** Reads by `reader` until as many reads and writes (by `write`) were made as were asked for. */
export async function readBesideWrites(
  reader: StorageAdapter,
  write: (version: number) => Promise<void>,
  { reads, writes }: { reads: number; writes: number },
): Promise<Torn> {
  const torn: Torn = { reads: 0, writes: 0, seen: 0, changed: 0, failed: 0, error: 'none', torn: 0 }
  const dir = await OciDir.open(reader)
  const versions = new Set<unknown>()
  const writing = async (): Promise<void> => {
    while (torn.writes < writes || torn.reads < reads) {
      await write(torn.writes++)
      // A medium that writes at once would never let a reader in.
      if (torn.writes % 8 === 0) await pause(0)
    }
  }
  const reading = async (): Promise<void> => {
    let last: number | undefined
    while (torn.reads < reads || torn.writes < writes) {
      torn.reads++
      try {
        const { value } = await dir.readIndex()
        const version = 'version' in value ? Number(value.version) : Number.NaN
        versions.add(version)
        if (last !== undefined && version !== last) torn.changed++
        last = version
        if (value.manifests.length !== version % 97) torn.torn++
      } catch (error) {
        if (torn.failed++ === 0) torn.error = String(error)
      }
      if (torn.reads % 8 === 0) await pause(0)
    }
  }
  await Promise.all([writing(), reading(), reading(), reading(), reading()])
  torn.seen = versions.size
  return torn
}

/**
 * What was counted: a read fires when a writer came since the same reader's last one, and is lost when it failed or gave
 * no whole version.
 */
export function tallyOf(where: string, { reads, writes, seen, changed, failed, error, torn }: Torn): Tally {
  const tally = new Tally(`P6: reads of index.json beside writes, ${where}`)
  tally.attempts = reads
  tally.fired = changed
  tally.losses = torn + failed
  console.log(`${where}: ${writes} writes, ${seen} versions seen, errors: ${error}`)
  return tally.report()
}
