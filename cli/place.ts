/** From a reference of the command line to a layout and what is meant in it. */

import { readdir } from 'node:fs/promises'
import { type FolderOptions, file, folder } from '../adapters/node/index.ts'
import { archive } from '../src/archive/index.ts'
import {
  type AbortOptions,
  type Descriptor,
  isOciError,
  mediaTypes,
  OciDir,
  type Platform,
  platformOfConfig,
  type ReadableStorage,
  type Ref,
  type StorageAdapter,
} from '../src/index.ts'
import { quoted } from './args.ts'
import { Failure, type Io, UsageError } from './command.ts'
import { type OnlyOptions, onlyRef } from './only.ts'
import { unlessFaulty } from './readable.ts'
import { checkWritable, parseReference, type Reference } from './reference.ts'

/** An open layout on disk. */
export type DiskLayout = OciDir<StorageAdapter>

/** A reference whose layout is open; `ref` is what it names in there. */
export interface Found {
  readonly dir: OciDir
  readonly ref: Ref
}

/** A row of `ocidir tags`. */
export interface TagRow {
  readonly tag: string
  readonly digest: string
  readonly mediaType: string
  readonly size: number
  readonly platform: Platform | null
}

/** The storage of a folder, closed at the command's end. */
export function storageAt(path: string, { opened }: Io, options: FolderOptions = {}): StorageAdapter {
  const storage = folder(path, options)
  opened.push(storage)
  return storage
}

/** What a reference's place holds, a folder or an archive. Throws `Failure` where there is nothing. */
export async function storageOf(reference: Reference, io: Io): Promise<ReadableStorage> {
  mustExist(reference)
  const { path, isArchive } = reference
  return isArchive ? archiveAt(path, io) : storageAt(path, io)
}

/** A call may name several archives: whatever is wrong with one is said of its path. */
async function archiveAt(path: string, { signal }: Io): Promise<ReadableStorage> {
  try {
    return await archive(await file(path), { signal })
  } catch (error) {
    if (!isOciError(error) || error.message.includes(path)) throw error
    throw new Failure(`${path} can't be opened`, { cause: error })
  }
}

/** Opens the layout that a reference names, to be read. Throws `Failure` where there is nothing. */
export async function openPlace(reference: Reference, io: Io): Promise<OciDir> {
  return OciDir.open(await storageOf(reference, io), { signal: io.signal })
}

/** Opens the layout that a reference names, to be changed. Throws `UsageError` for an archive, `Failure`. */
export async function openDisk(reference: Reference, io: Io): Promise<DiskLayout> {
  checkWritable(reference)
  mustExist(reference)
  return OciDir.open(storageAt(reference.path, io), { signal: io.signal })
}

/** Opens a reference: its tag, its digest, or the only image of its layout (for the platform, if one is asked). */
export async function openReference(text: string, io: Io, platform?: Platform): Promise<Found> {
  const reference = await parseReference(text)
  const dir = await openPlace(reference, io)
  return { dir, ref: await refIn(dir, reference, { signal: io.signal, platform }) }
}

/** What a reference names in its layout, now that this is open. */
export async function refIn(dir: OciDir, reference: Reference, options: OnlyOptions): Promise<Ref> {
  const { tag, digest, path } = reference
  if (tag !== undefined) return { tag }
  return digest ?? onlyRef(dir, path, options)
}

/** Throws `Failure` where there is nothing at the reference's place. */
export function mustExist({ path, exists, text, isArchive }: Reference): void {
  if (exists) return
  const hint = text.startsWith('oci:') ? ` (the prefix oci: is left out; a folder of that name is ./oci)` : ''
  throw new Failure(`there is no ${isArchive ? 'file' : 'folder'} ${JSON.stringify(path)}${hint}`)
}

/**
 * Throws `UsageError` for what can't be written as a folder, and `Failure` for a folder of other things: whatever is in the
 * way isn't buried under a layout.
 */
export async function checkTarget(target: Reference): Promise<void> {
  checkWritable(target)
  const { path, exists } = target
  if (!exists && /\.(?:tar|tgz|zip)(?:\.\w+)?$/i.test(path))
    throw new UsageError(
      `${quoted(path)} would be an archive: those are read, and only a folder can be written`,
    )
  if (!exists) return
  const names = await readdir(path)
  if (names.every(name => ownNames.has(name)) || names.includes('oci-layout')) return
  throw new Failure(`${path} is neither a layout nor empty`)
}

const ownNames: ReadonlySet<string> = new Set(['.ocidir', 'blobs', 'index.json', 'oci-layout'])

/** A named entry as a row; its platform is its config's where the entry names none. */
export async function tagRow(
  dir: OciDir,
  entry: { readonly tag: string; readonly descriptor: Descriptor },
  options: AbortOptions,
): Promise<TagRow> {
  const { tag, descriptor } = entry
  const { digest, mediaType, size } = descriptor
  return { tag, digest, mediaType, size, platform: (await platformOf(dir, descriptor, options)) ?? null }
}

async function platformOf(
  dir: OciDir,
  descriptor: Descriptor,
  options: AbortOptions,
): Promise<Platform | undefined> {
  if (descriptor.platform !== undefined) return descriptor.platform
  if (descriptor.mediaType !== mediaTypes.manifest && descriptor.mediaType !== mediaTypes.dockerManifest) {
    return undefined
  }
  const image = await unlessFaulty(dir.openImage(descriptor, options))
  return image && platformOfConfig(image.config.value)
}
