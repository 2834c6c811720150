/** P1 over any storage: each byte of a blob flipped, the blob cut at every length and made longer, through every reader. */

import { expect } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { canonicalBytes } from '../../src/canonical-json.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { copy } from '../../src/copy/copy.ts'
import { blobPath } from '../../src/digest.ts'
import { isOciError } from '../../src/errors.ts'
import { files } from '../../src/files/index.ts'
import { draft, pushLayer } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { type Descriptor, mediaTypes } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { collect, equalBytes } from '../../src/streams.ts'
import { tarSource } from '../../src/tar/index.ts'
import { Tally } from '../setup/tally.ts'
import { bytesOf, stageBytes } from '../suites/material.ts'

const size = 4096
const platform = { os: 'linux', architecture: 'amd64' }
const max = 1 << 20

type Dir = OciDir<StorageAdapter>
type Reader = (dir: Dir) => Promise<unknown>

/** A blob to be broken, and every way to read it that must fail then. */
interface Target {
  readonly what: string
  readonly descriptor: Descriptor
  readonly readers: readonly Reader[]
}

/** What was tried and what was found. */
export interface Flips {
  /** Losses are broken blobs that some reader gave without an error. */
  readonly tally: Tally
  /** A reader that verifies nothing, beside the others to show that the test can see. */
  readonly loser: Tally
  /** What was thrown that isn't one of these: not the typed error that it should be. */
  readonly wrongErrors: Set<string>
}

const expected = new Set(['DIGEST_MISMATCH', 'SIZE_MISMATCH', 'GZIP_INVALID', 'TAR_INVALID'])

/** How much is broken, and how. */
export interface FlipOptions {
  readonly stride: number
  /** Puts bytes under a blob's name, whatever they are. */
  readonly store?: Store
}

/** Breaks each blob of an image at every `stride`th byte; fails where a reader gives such a blob. */
export async function proveFlips(
  where: string,
  storage: StorageAdapter,
  options: FlipOptions,
): Promise<void> {
  const { tally, loser, wrongErrors } = await flipAll(where, storage, options)
  expect([...wrongErrors]).toEqual([])
  expect(tally.attempts).toBeGreaterThan((4 * 2 * 4096) / options.stride)
  expect(tally.report()).toMatchObject({ fired: tally.attempts, losses: 0 })
  const { losses, attempts } = loser.report()
  expect(losses).toBe(attempts)
}

async function flipAll(
  where: string,
  storage: StorageAdapter,
  { stride, store = storeThrough }: FlipOptions,
): Promise<Flips> {
  const dir = await OciDir.ensure(storage)
  const flips: Flips = {
    tally: new Tally(`P1: ${where}: a byte of a blob flipped, cut off or added`),
    loser: new Tally(`P1: ${where}: the same to a reader that does not verify (broken on purpose)`),
    wrongErrors: new Set<string>(),
  }
  for (const target of await targets(dir)) {
    const sound = await collect(await dir.readBlob(target.descriptor), { max })
    for (const broken of breakages(sound, stride)) {
      await store(storage, target.descriptor, broken)
      const lies = await blind(dir, target.descriptor)
      if (lies !== undefined && !equalBytes(lies, sound)) flips.tally.fired++
      await attempt(dir, target, flips)
    }
    await store(storage, target.descriptor, sound)
    for (const read of target.readers) await read(dir)
  }
  return flips
}

/** Puts bytes under a blob's name. */
export type Store = (storage: StorageAdapter, descriptor: Descriptor, bytes: Uint8Array) => Promise<void>

/** An adapter hashes nothing: it takes any bytes under any name. */
export const storeThrough: Store = async (storage, { digest }, bytes) => {
  await storage.remove(() => [blobPath(digest)])
  await (await stageBytes(storage, bytes)).commit(blobPath(digest))
}

function* breakages(sound: Uint8Array, stride: number): Generator<Uint8Array> {
  for (let at = 0; at < sound.length; at += stride)
    yield sound.map((byte, i) => (i === at ? byte ^ (1 << (at % 8)) : byte))
  for (let length = 0; length < sound.length; length += stride) yield sound.slice(0, length)
  yield Uint8Array.of(...sound, 0)
}

async function attempt(dir: Dir, target: Target, { tally, loser, wrongErrors }: Flips): Promise<void> {
  tally.attempts++
  let isLost = false
  for (const read of target.readers) {
    const error = await failureOf(read(dir))
    if (error === undefined) isLost = true
    else if (!isOciError(error) || !expected.has(error.code)) wrongErrors.add(`${target.what}: ${error}`)
  }
  if (isLost) tally.losses++
  loser.attempts++
  loser.fired++
  if ((await failureOf(blind(dir, target.descriptor))) === undefined) loser.losses++
}

/** A reader as careless as others': what lies under the name is what it gives. */
async function blind(dir: Dir, { digest }: Descriptor): Promise<Uint8Array | undefined> {
  return (await dir.storage.open(blobPath(digest)))?.bytes()
}

function failureOf(reading: Promise<unknown>): Promise<unknown> {
  return reading.then(
    () => undefined,
    error => error ?? new Error('rejected with nothing'),
  )
}

async function targets(dir: Dir): Promise<Target[]> {
  // A tar of 4,096 bytes: a header, five blocks of a body, two of zeros.
  const plain = await dir.writeLayer(tarSource([{ path: 'a', body: bytesOf(2560) }]))
  const packed = await dir.writeLayer(tarSource([{ path: 'b', body: bytesOf(3000, 2) }]), { codec: gzip() })
  const image = pushLayer(pushLayer(draft(platform), plain), packed)
  const config = await padded(dir, image.config, mediaTypes.config)
  const manifest = await padded(dir, { ...image.manifest, config }, mediaTypes.manifest)
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [{ ...manifest, platform }] }
  const child = await padded(dir, index, mediaTypes.index)
  await dir.tag(child, 'app')
  const raw =
    (descriptor: Descriptor): Reader =>
    async it =>
      collect(await it.readBlob(descriptor), { max })
  const range =
    (descriptor: Descriptor): Reader =>
    async it =>
      collect(await it.readBlobRange(descriptor, { start: 0 }), { max })
  const document =
    (descriptor: Descriptor): Reader =>
    it =>
      it.readDocument(descriptor)
  const open: Reader = it => it.openImage('app')
  const copied: Reader = async it => copy(it, await OciDir.ensure(memory()))
  const opened = await dir.openImage('app')
  const tree: Reader = () => files(opened)
  const layer =
    (of: typeof plain): Reader =>
    async it =>
      collect(await it.readLayer(of, { codecs: [gzip()] }), { max })
  return [
    {
      what: 'layer',
      descriptor: plain.descriptor,
      readers: [raw(plain.descriptor), range(plain.descriptor), layer(plain), tree, copied],
    },
    {
      what: 'gzip layer',
      descriptor: packed.descriptor,
      readers: [raw(packed.descriptor), range(packed.descriptor), layer(packed), tree, copied],
    },
    {
      what: 'config',
      descriptor: config,
      readers: [raw(config), range(config), document(config), open, copied],
    },
    {
      what: 'manifest',
      descriptor: manifest,
      readers: [raw(manifest), range(manifest), document(manifest), open, copied],
    },
    {
      what: 'index child',
      descriptor: child,
      readers: [raw(child), range(child), document(child), open, copied],
    },
  ]
}

/** Stores a document of just 4,096 bytes. */
async function padded(dir: Dir, value: object, mediaType: string): Promise<Descriptor> {
  const bytes = canonicalBytes({ ...value, pad: '' })
  const padding = 'x'.repeat(size - bytes.length)
  return (await dir.writeDocument({ ...value, pad: padding }, { mediaType })).descriptor
}
