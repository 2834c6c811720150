/** P9 over any storage: each long call is aborted at each chunk, while what it waits for hangs. */

import { memory } from '../../adapters/memory.ts'
import { identity } from '../../src/codec/codec.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { files } from '../../src/files/index.ts'
import { fsck } from '../../src/fsck.ts'
import { draft, pushLayer } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { emptyDescriptor } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { chunksOf } from '../../src/streams.ts'
import { tarSource } from '../../src/tar/index.ts'
import { transcode } from '../../src/transcode/transcode.ts'
import { bytesOf, entriesIn, pause } from '../suites/material.ts'
import { hangingAfter, hangingStorage } from './hanging.ts'

const platform = { os: 'linux', architecture: 'amd64' }
const chunk = bytesOf(300_000)
/** Bytes of the blob that is read: several chunks on every medium. */
const blobSize = 1_200_000

/** What a call does until it hangs: `onHang` is called then. */
interface Attempt {
  readonly dir: OciDir<StorageAdapter>
  readonly signal: AbortSignal
  /** After how many chunks it hangs. */
  readonly at: number
  readonly onHang: () => void
}

export const calls: Readonly<Record<string, (attempt: Attempt) => Promise<unknown>>> = {
  writeBlob: ({ dir, signal, ...attempt }) => dir.writeBlob(source(attempt), { signal }),
  writeLayer: ({ dir, signal, ...attempt }) => dir.writeLayer(source(attempt), { codec: gzip(), signal }),
  readBlob: async attempt => {
    const dir = await hanging(attempt)
    await drained(await dir.readBlob(await layerOf(attempt), { signal: attempt.signal }))
  },
  readLayer: async attempt => {
    const dir = await hanging(attempt)
    const { signal } = attempt
    await drained(await dir.readLayer(await layerOf(attempt), { codecs: [gzip()], signal }))
  },
  files: async ({ dir, ...attempt }) => {
    const { layout: _, ...image } = await dir.openImage('app')
    return files({ ...image, layout: await hanging({ dir, ...attempt }) }, { signal: attempt.signal })
  },
  transcode: async ({ dir, signal, ...attempt }) => {
    const image = { ...(await dir.openImage('app')), layout: await hanging({ dir, ...attempt }) }
    return transcode(image, dir, { as: 'plain', codec: identity, codecs: [gzip()], signal })
  },
  fsck: async ({ dir, signal, ...attempt }) => fsck(medium({ dir, ...attempt }), { signal }),
  // Its base's layers have to be fetched, and the place that they come from hangs.
  writeImage: async ({ dir, signal, ...attempt }) => {
    const elsewhere = await OciDir.ensure(memory())
    await sample(elsewhere, 2)
    const base = await elsewhere.openImage('app')
    const layout = await hanging({ dir: elsewhere, ...attempt })
    return dir.writeImage(draft({ ...base, layout }), { tag: 'new', signal })
  },
}

const source = ({ at, onHang }: Pick<Attempt, 'at' | 'onHang'>): AsyncIterable<Uint8Array> =>
  hangingAfter(at, { chunk, onHang })

/** The layout, read by a copy of what it holds now. */
const medium = ({ dir, at, onHang }: Omit<Attempt, 'signal'>): ReturnType<typeof hangingStorage> =>
  hangingStorage(dir.storage, { chunks: at, onHang })

const hanging = (attempt: Omit<Attempt, 'signal'>): Promise<OciDir> => OciDir.open(medium(attempt))

async function layerOf({ dir }: Attempt): Promise<NonNullable<Awaited<ReturnType<OciDir['find']>>>> {
  const [layer] = (await dir.openImage('app')).manifest.value.layers
  if (layer === undefined) throw new Error('the image has no layer')
  return layer
}

async function drained(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _chunk of chunksOf(stream)) await pause(0)
}

/** What was aborted, and what an abort left behind. */
export interface Aborts {
  attempts: number
  fired: number
  /** Ended by another reason, or not within a second. */
  wrong: string[]
  leftovers: string[]
  /** Milliseconds. */
  slowest: number
}

/** Aborts one call at each chunk until it ends by itself. */
export async function abortAt(
  make: () => Promise<{ storage: StorageAdapter; remove(): Promise<void> }>,
  { name, call, chunks }: { name: string; call: (attempt: Attempt) => Promise<unknown>; chunks: number },
): Promise<Aborts> {
  const result: Aborts = { attempts: 0, fired: 0, wrong: [], leftovers: [], slowest: 0 }
  for (let at = 0; at < chunks; at++) {
    const { storage, remove } = await make()
    const dir = await OciDir.ensure(storage)
    await sample(dir)
    await abortOnce({ dir, at, call, name: `${name} at chunk ${at}` }, result)
    // Nobody holds a lock: the next writer gets it.
    await dir.insertManifest({ schemaVersion: 2, config: emptyDescriptor, layers: [] }, { tag: 'after' })
    await storage.close()
    await remove()
  }
  return result
}

async function abortOnce(
  {
    dir,
    at,
    call,
    name,
  }: { dir: Attempt['dir']; at: number; call: (attempt: Attempt) => Promise<unknown>; name: string },
  result: Aborts,
): Promise<void> {
  const controller = new AbortController()
  const reason = new Error('enough')
  let began = 0
  const onHang = (): void => {
    setTimeout(() => {
      if (controller.signal.aborted) return
      result.fired++
      began = performance.now()
      controller.abort(reason)
    }, 5)
  }
  result.attempts++
  const outcome = call({ dir, at, onHang, signal: controller.signal }).then(
    () => 'ended',
    error => error,
  )
  const thrown = await Promise.race([outcome, stuck(controller.signal)])
  if (thrown !== (controller.signal.aborted ? reason : 'ended'))
    result.wrong.push(`${name}: ${String(thrown)}`)
  if (began > 0) result.slowest = Math.max(result.slowest, performance.now() - began)
  // A discard that was begun ends by itself.
  for (let i = 0; i < 20 && (await staged(dir.storage)).length > 0; i++) await pause(5)
  result.leftovers.push(...(await staged(dir.storage)).map(path => `${name}: ${path}`))
}

async function staged(storage: StorageAdapter): Promise<string[]> {
  return (await entriesIn(storage)).filter(({ kind }) => kind === 'staged').map(({ path }) => path)
}

/** A second after the abort. */
async function stuck(signal: AbortSignal): Promise<string> {
  while (!signal.aborted) await pause(20)
  await pause(1000)
  return 'still waiting a second after the abort'
}

async function sample(dir: Attempt['dir'], seed = 1): Promise<void> {
  const layer = await dir.writeLayer(tarSource([{ path: 'a', body: bytesOf(blobSize, seed) }]), {
    codec: gzip({ level: 0 }),
  })
  await dir.writeImage(pushLayer(draft(platform), layer), { tag: 'app' })
}
