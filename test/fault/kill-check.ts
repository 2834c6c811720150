/** What is there after a kill: each layout read to its last byte, then made small for the next round. */

import { indexedDb } from '../../adapters/indexeddb/index.ts'
import { isOciError } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { gc } from '../../src/gc.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { Descriptor } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { lose } from '../adapters/indexeddb-raw.ts'
import { entriesIn } from '../suites/material.ts'
import {
  databaseName,
  type Found,
  type KillMedium,
  type StraightWay,
  straightWays,
  type Told,
} from './kill-media.ts'
import { digestOfBytes } from './kill-write.ts'

/** Images that stay from round to round. */
const mostKept = 3

/** Looks at a layout. */
export async function look(medium: KillMedium, told: Told): Promise<Found> {
  const storage = await medium.open()
  const isEmpty = (await storage.open('oci-layout')) === undefined
  const saysLost = await tellsLoss(storage)
  const wrong: string[] = []
  const swept = await storage.sweep({ olderThan: 0 })
  for (const { path, kind } of await entriesIn(storage)) if (kind !== 'file') wrong.push(`${kind} ${path}`)
  if (!isEmpty) wrong.push(...(await faultsIn(storage)))
  const dir = await OciDir.ensure(storage)
  const lost = [...(await lostBlobs(dir, told)), ...(await lostTags(dir, told))]
  const kept = await shrink(dir)
  await storage.close()
  return { lost, wrong, swept, saysLost, isEmpty, kept }
}

/** Loses the database as the browser does, and tells whether that is noticed. */
export async function isLossTold(): Promise<boolean> {
  await lose(databaseName)
  const storage = await indexedDb(databaseName)
  const isTold = await tellsLoss(storage)
  await storage.close()
  return isTold
}

async function tellsLoss(storage: StorageAdapter): Promise<boolean> {
  const error: unknown = await OciDir.open(storage).catch(error => error)
  return storage.lostSince !== undefined && isOciError(error, 'STORAGE_LOST')
}

/** Names of a writer straight to them whose bytes aren't theirs; all go. */
export async function lookStraight(way: StraightWay): Promise<readonly string[]> {
  const root = await navigator.storage.getDirectory()
  const folder = await root.getDirectoryHandle(straightWays[way].folder, { create: true })
  const wrong: string[] = []
  for await (const [name, handle] of folder.entries()) {
    if (!(handle instanceof FileSystemFileHandle)) continue
    const isName = !name.includes('.')
    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer())
    if (isName && (await digestOfBytes(bytes)) !== `sha256:${name}`)
      wrong.push(`${name} of ${bytes.length} bytes`)
    await folder.removeEntry(name)
  }
  return wrong
}

/** Findings that are errors, and blobs, also those that nothing names, that aren't what their name says. */
async function faultsIn(storage: StorageAdapter): Promise<readonly string[]> {
  const { findings } = await fsck(storage)
  const faults = findings.filter(({ severity, code }) => severity === 'error' && code !== 'STORAGE_LOST')
  const wrong = faults.map(finding => `fsck ${JSON.stringify(finding)}`)
  for (const { path } of await entriesIn(storage)) {
    const [, algorithm, hex] = path.split('/')
    if (hex === undefined) continue
    const bytes = await (await storage.open(path as `blobs/${string}/${string}`))?.bytes()
    if (bytes === undefined || (await digestOfBytes(bytes)) !== `${algorithm}:${hex}`)
      wrong.push(`partial ${path}`)
  }
  return wrong
}

async function lostBlobs(dir: OciDir, { blobs }: Told): Promise<readonly string[]> {
  const lost: string[] = []
  for (const blob of blobs) {
    try {
      const stream = await dir.readBlob({ mediaType: 'application/octet-stream', ...blob } as Descriptor)
      await stream.pipeTo(new WritableStream())
    } catch (error) {
      lost.push(`blob ${blob.digest}: ${error}`)
    }
  }
  return lost
}

async function lostTags(dir: OciDir, { tags }: Told): Promise<readonly string[]> {
  const there = new Map((await dir.tags()).map(({ tag, descriptor }) => [tag, descriptor.digest]))
  return tags.flatMap(({ name, digest }) =>
    there.get(name) === digest ? [] : [`tag ${name}: ${there.get(name)}`],
  )
}

/** Drops all but the newest images. */
async function shrink(dir: OciDir<StorageAdapter>): Promise<Told> {
  const tags = (await dir.tags()).map(({ tag, descriptor }) => ({ name: tag, digest: descriptor.digest }))
  const [first, ...more] = tags.slice(0, -mostKept).map(({ name }) => name)
  if (first !== undefined) await dir.untag(first, ...more)
  await gc(dir, { sweepOlderThan: 0 })
  return { blobs: [], tags: tags.slice(-mostKept) }
}
