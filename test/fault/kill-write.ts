/** Writing until the kill: layers, images, tags into a layout by the library, and names given too early by none. */

import { hasSyncAccess, type SyncFileHandle } from '../../adapters/fsa/platform.ts'
import { draft, pushLayer } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { inPlaceOf } from '../engines/watch.ts'
import { here } from '../suites/layout-material.ts'
import { bytesOf, pause } from '../suites/material.ts'
import { type Acknowledgement, type MediumName, media, type StraightWay, straightWays } from './kill-media.ts'

/** Writers of one layout beside each other. */
const writers = 2
/** So that one of them is in the midst of a file at any moment. */
const straightWriters = 3
/** Milliseconds after each part of such a file: the other writers are what this is about. */
const resting = 20

/** Everything that is written from here, a window or a worker, until the kill. */
export function writeAll(round: number, where: Where): Promise<void> {
  return tellOfHandles(() => writeInAll(round, where), where)
}

interface Where {
  readonly inWorker: boolean
}

async function writeInAll(round: number, { inWorker }: Where): Promise<void> {
  const writing: Promise<void>[] = []
  for (const [name, medium] of Object.entries(media)) {
    if (medium.inWorker !== inWorker) continue
    for (let writer = 0; writer < writers; writer++)
      writing.push(write(name as MediumName, `${round}-${writer}`))
  }
  for (const [way, straight] of Object.entries(straightWays)) {
    if (straight.inWorker !== inWorker) continue
    for (let writer = 0; writer < straightWriters; writer++)
      writing.push(writeStraight(way as StraightWay, `${round}-${writer}`))
  }
  await Promise.all(writing).catch(error => tell({ fault: `${error}, by ${error?.cause}` }))
}

/** Tells of what goes by sync handles: where those are refused, the same bytes go by `createWritable`, and nobody sees it. */
async function tellOfHandles(work: () => Promise<void>, { inWorker }: Where): Promise<void> {
  if (!inWorker) {
    await inPlaceOf(Worker.prototype, 'postMessage', {
      method(original, { of, args }) {
        if ('write' in Object(args[0])) tell({ by: 'OPFS by the worker of sync handles', bySyncHandle: true })
        return Reflect.apply(original, of, args)
      },
      work,
    })
  } else if (hasSyncAccess()) {
    await inPlaceOf(FileSystemFileHandle.prototype, 'createSyncAccessHandle', {
      async method(original, { of, args }) {
        const access = await Reflect.apply(original, of, args)
        const isStaged = of instanceof FileSystemFileHandle && of.name.startsWith('staged-')
        if (isStaged) tell({ by: 'OPFS inside a worker', bySyncHandle: true })
        return access
      },
      work,
    })
  } else await work()
}

/** The digest of bytes, by the browser's own hash. */
export async function digestOfBytes(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes)))
  return `sha256:${Array.from(hash, byte => byte.toString(16).padStart(2, '0')).join('')}`
}

async function write(by: MediumName, id: string): Promise<void> {
  const { sizes, open } = media[by]
  const dir = await OciDir.ensure(await open())
  for (let i = 0; ; i++) {
    const [least, most] = sizes
    // The first one is large: each layout is at work by its own way then.
    const size = i === 0 ? most : Math.round(least + (most - least) * Math.random() ** 2)
    const layer = await dir.writeLayer(bytesFor(`${by} ${id} ${i}`, size))
    tell({ by, blob: { digest: layer.descriptor.digest, size } })
    const name = `${id}-${i}`
    const image = await dir.writeImage(pushLayer(draft(here), layer), { tag: name })
    tell({ by, tag: { name, digest: image.descriptor.digest } })
  }
}

async function writeStraight(by: StraightWay, id: string): Promise<void> {
  if (straightWays[by].inWorker && !(await canSync())) return
  const root = await navigator.storage.getDirectory()
  const folder = await root.getDirectoryHandle(straightWays[by].folder, { create: true })
  for (let i = 0; ; i++) {
    const bytes = bytesFor(`${by} ${id} ${i}`, 2 ** 19)
    const name = (await digestOfBytes(bytes)).slice('sha256:'.length)
    const handle = await folder.getFileHandle(name, { create: true })
    const put = straightWays[by].inWorker ? putSync : putStream
    await put(handle, bytes)
    tell({ by })
    await folder.removeEntry(name)
  }
}

async function putStream(handle: FileSystemFileHandle, bytes: Uint8Array): Promise<void> {
  const writable = await handle.createWritable()
  for (const part of partsOf(bytes)) {
    await writable.write(part)
    await pause(resting)
  }
  await writable.close()
}

async function putSync(handle: FileSystemFileHandle, bytes: Uint8Array): Promise<void> {
  const access = await (handle as SyncFileHandle).createSyncAccessHandle()
  let at = 0
  for (const part of partsOf(bytes)) {
    access.write(part, { at })
    at += part.length
    await pause(resting)
  }
  access.close()
}

function partsOf(bytes: Uint8Array): readonly Uint8Array<ArrayBuffer>[] {
  const size = 64 * 1024
  const count = Math.ceil(bytes.length / size)
  return Array.from({ length: count }, (_, i) => new Uint8Array(bytes.slice(i * size, (i + 1) * size)))
}

/** WebKitGTK has the method, and it rejects. */
async function canSync(): Promise<boolean> {
  if (!hasSyncAccess()) return false
  try {
    const root = await navigator.storage.getDirectory()
    const handle = await root.getFileHandle(`probe-${crypto.randomUUID()}`, { create: true })
    ;(await (handle as SyncFileHandle).createSyncAccessHandle()).close()
    return true
  } catch {
    return false
  }
}

const noise = bytesOf(4_000_000)

/** Bytes that nobody else writes. */
function bytesFor(text: string, size: number): Uint8Array {
  const bytes = noise.slice(0, size)
  bytes.set(new TextEncoder().encode(text))
  return bytes
}

let waiting: Acknowledgement[] = []
let isTelling = false

/** Tells the test; whoever writes doesn't wait for it. */
function tell(told: Acknowledgement): void {
  waiting.push(told)
  if (!isTelling) tellWaiting().catch(() => {})
}

async function tellWaiting(): Promise<void> {
  isTelling = true
  while (waiting.length > 0) {
    const body = JSON.stringify(waiting)
    waiting = []
    await fetch('/told', { method: 'POST', body })
  }
  isTelling = false
}
