/** Sixteen writers of the same blobs beside a gc without grace, on any storage: what each round must hold. */

import { blobPath } from '../../src/digest.ts'
import { isOciError } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { gc } from '../../src/gc.ts'
import { draft, pushLayer } from '../../src/image.ts'
import type { OciDir } from '../../src/oci-dir.ts'
import { mediaTypes } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { Tally } from '../setup/tally.ts'
import { forwarding } from '../suites/forwarding.ts'
import { lots } from '../suites/seeded-bytes.ts'

type Dir = OciDir<StorageAdapter>

/** What is raced. */
export interface Race {
  readonly name: string
  readonly rounds: number
  /** Where the writers write, one of them the first gets, and so on around; the first is looked at in the end. */
  readonly dirs: readonly Dir[]
  /** Collects once, and gives how many blobs went. */
  collect(): Promise<number>
}

const writers = 16
/** Images that a writer writes at the most in one round, while gc hasn't taken anything yet. */
const mostImages = 20

/**
 * Removes blobs by a list that was made outside of the exclusive section, a while ago: what gc must never do. Without a
 * pause the while is some turns of the engine, which is much in memory.
 */
export async function collectByList(dir: Dir, pause = 0): Promise<number> {
  const { removed } = await gc(dir, { dryRun: true })
  for (let turns = 0; turns < 100; turns++) await undefined
  if (pause > 0) await new Promise(resolve => setTimeout(resolve, pause))
  return dir.storage.remove(() => removed.map(({ digest }) => blobPath(digest)))
}

/** Collects as it should be; a round in which writers never left it a moment has removed nothing. */
export async function collect(dir: Dir): Promise<number> {
  try {
    return (await gc(dir)).removed.length
  } catch (error) {
    if (isOciError(error, 'STORAGE_CHANGED')) return 0
    throw error
  }
}

/** Writes again, as any writer must, what gc took before it had a name. Gives how often. */
export async function untilWritten(write: () => Promise<void>): Promise<number> {
  for (let times = 0; ; times++) {
    try {
      await write()
      return times
    } catch (error) {
      if (!isOciError(error, 'BLOB_MISSING')) throw error
    }
  }
}

/** A storage that forgets what an entry requires. */
export function heedless(inner: StorageAdapter): StorageAdapter {
  return forwarding(inner, {
    update: (path, edit, options) => inner.update(path, edit, { ...options, requires: [] }),
  })
}

/** A storage each of whose calls takes a while, as long as chance will have it: memory alone answers at once. */
export function dawdling(inner: StorageAdapter, seed: number): StorageAdapter {
  const random = lots(seed)
  const dawdle = async (): Promise<void> => {
    for (let turns = random(32); turns > 0; turns--) await undefined
  }
  const late =
    <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      await dawdle()
      return call(...args)
    }
  return forwarding(inner, {
    open: late((path, options) => inner.open(path, options)),
    stage: late(options => inner.stage(options)),
    update: late((path, edit, options) => inner.update(path, edit, options)),
    remove: late((choose, options) => inner.remove(choose, options)),
  })
}

/**
 * Runs the rounds. A round fired in which gc took something while writers were at work; lost is every tag that was
 * acknowledged and isn't there, or whose image isn't whole.
 */
export async function race({ name, rounds, dirs, collect }: Race): Promise<Tally> {
  const tally = new Tally(name)
  const [first] = dirs
  if (first === undefined) throw new Error('nowhere to write')
  let again = 0
  for (let round = 0; round < rounds; round++) {
    tally.attempts++
    await untagSome(first, round)
    let atWork = true
    let taken = 0
    const persist = async (dir: Dir, writer: number): Promise<number> => {
      let times = await write(dir, writer, round)
      // On a slow medium all would be done before gc has begun.
      for (let more = 1; taken === 0 && more < mostImages; more++)
        times += await write(dir, writer, round + more)
      return times
    }
    const writing = Promise.all(
      Array.from({ length: writers }, (_, i) => persist(dirs[i % dirs.length] ?? first, i)),
    ).finally(() => {
      atWork = false
    })
    const collecting = (async () => {
      while (atWork) {
        const removed = await collect()
        // What went after the last writer had gone was beside nobody.
        if (atWork) taken += removed
      }
    })()
    for (const times of await writing) again += times
    await collecting
    if (taken > 0) tally.fired++
    tally.losses += await lost(first)
  }
  console.log(`${name}: writers wrote layers again ${again} times`)
  const { ok } = await fsck(first.storage)
  if (!ok && tally.losses === 0) throw new Error(`${name}: fsck finds what the rounds did not`)
  return tally
}

/** Makes garbage that this round's writers are about to use again. */
async function untagSome(dir: Dir, round: number): Promise<void> {
  const [name, ...more] = (await dir.tags()).map(({ tag }) => tag).filter((_, i) => (i + round) % 3 > 0)
  if (name !== undefined) await dir.untag(name, ...more)
}

/** Writes an image of two layers that others write, too. Gives how often a layer was taken. */
function write(dir: Dir, writer: number, round: number): Promise<number> {
  return untilWritten(async () => {
    let image = draft({ os: 'linux', architecture: `of ${writer % 8}` })
    for (const content of [`base ${round % 2}`, `layer ${writer % 4} ${round % 3}`]) {
      const descriptor = await dir.writeBlob(content, { mediaType: mediaTypes.layer })
      image = pushLayer(image, { descriptor, diffId: descriptor.digest })
    }
    await dir.writeImage(image, { tag: `w${writer}` })
  })
}

async function lost(dir: Dir): Promise<number> {
  const tags = await dir.tags()
  let whole = 0
  for (const { descriptor } of tags) if (await isWhole(dir, descriptor)) whole++
  return Math.max(writers - whole, tags.length - whole)
}

async function isWhole(dir: Dir, descriptor: Parameters<Dir['readBlob']>[0]): Promise<boolean> {
  if (!(await dir.hasBlob(descriptor))) return false
  const { config, layers } = (await dir.openImage(descriptor).catch(() => undefined))?.manifest.value ?? {}
  if (config === undefined || layers === undefined) return false
  for (const blob of [config, ...layers]) if (!(await dir.hasBlob(blob))) return false
  return true
}
