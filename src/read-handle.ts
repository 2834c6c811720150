/**
 * A worker's way to the bytes of a file in the private file system: by a handle that only reads, many times as fast as by a
 * `File`, whose bytes go through another process. Chromium has such handles. Elsewhere one would lock all others out, so it
 * isn't tried.
 */

import type { SharedPart } from './shared-file.ts'

/**
 * Gives a part in chunks of so many bytes, each valid until the next is read. Throws where it can't be read so, or isn't
 * whole.
 */
export async function* readHandle(
  { way, start, end }: SharedPart,
  chunkSize: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!('handle' in way && canOpen(way.handle))) throw new Error('no handle that only reads')
  // As long as the part takes: whoever takes the file away waits for it, for the browser would refuse that.
  const release = await held(way.lock)
  try {
    const file = await way.handle.createSyncAccessHandle({ mode: 'read-only' })
    try {
      if (file.getSize() !== way.size) throw new Error('another file')
      for (let at = start; at < end; at += chunkSize) {
        const bytes = roomFor(Math.min(chunkSize, end - at))
        if (file.read(bytes, { at }) !== bytes.length) throw new Error('the file has become shorter')
        yield bytes
      }
    } finally {
      file.close()
    }
  } finally {
    release()
  }
}

/** Gives what lets go of the lock. */
function held(name: string): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const hold = (): Promise<void> => new Promise(release => resolve(release))
    navigator.locks.request(name, { mode: 'shared' }, hold).catch(reject)
  })
}

/** Dedicated workers have it, and the TypeScript library only for them. */
interface ReadableHandle extends FileSystemFileHandle {
  createSyncAccessHandle(options: { readonly mode: 'read-only' }): Promise<{
    getSize(): number
    read(bytes: Uint8Array<ArrayBuffer>, options: { readonly at: number }): number
    close(): void
  }>
}

/** Whether the handle opens so: a browser that doesn't know of modes would take no heed of it. */
function canOpen(handle: FileSystemFileHandle): handle is ReadableHandle {
  const access: unknown = Reflect.get(globalThis, 'FileSystemSyncAccessHandle')
  return 'createSyncAccessHandle' in handle && typeof access === 'function' && 'mode' in access.prototype
}

let room = new Uint8Array()

function roomFor(size: number): Uint8Array<ArrayBuffer> {
  if (room.length < size) room = new Uint8Array(size)
  return room.subarray(0, size)
}
