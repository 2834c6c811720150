/** The adapter's worker, over sync access handles that are wrong in the way that the worker's name says. */

import type { SyncAccessHandle } from '../../adapters/fsa/platform.ts'
import '../../adapters/fsa/worker.ts'

interface WrongScope {
  readonly name: string
  readonly FileSystemSyncAccessHandle: { readonly prototype: SyncAccessHandle }
}

// A worker has both; the types are those of a window.
const { name, FileSystemSyncAccessHandle } = globalThis as unknown as WrongScope
const { prototype } = FileSystemSyncAccessHandle
const { write, getSize } = prototype
let given = 0

if (name === 'believes') {
  // As a writer that looks at no count and no size: whatever was kept, all is well.
  prototype.write = function (bytes, options) {
    given = options.at + bytes.length
    try {
      write.call(this, bytes, options)
    } catch {}
    return bytes.length
  }
  prototype.getSize = () => given
}
if (name === 'short') {
  prototype.write = function (bytes, options) {
    return write.call(this, options.at === 0 ? bytes : bytes.subarray(0, bytes.length / 2), options)
  }
}
if (name === 'absurd') {
  prototype.write = function (bytes, options) {
    return write.call(this, bytes, options) + (options.at === 0 ? 0 : 2 ** 32)
  }
}
if (name === 'shrunk')
  prototype.getSize = function () {
    return getSize.call(this) - 1
  }
