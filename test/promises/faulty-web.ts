/** A browser's media, each call of which can be made to fail: their prototypes are patched for the time of a test. */

import { type FaultKind, Faults } from './faults.ts'

type Call = (this: object, ...args: unknown[]) => unknown
type Prototype = { readonly prototype: object }

/** What the browser throws of each kind. */
const names: Readonly<Partial<Record<FaultKind, string>>> = {
  error: 'UnknownError',
  'late error': 'UnknownError',
  quota: 'QuotaExceededError',
  denied: 'NotAllowedError',
}

function exceptionOf(fault: FaultKind, call: string): DOMException {
  return new DOMException(`injected, ${call}`, names[fault] ?? 'UnknownError')
}

/** Calls of the file system that take something away, or that let go of it. */
const cleaning = new Set(['removeEntry', 'abort'])
const filling = new Set(['getDirectoryHandle', 'getFileHandle', 'createWritable', 'write', 'close', 'move'])

/** Tells whether a call takes something away. */
export function isCleaningFile(call: string): boolean {
  return cleaning.has(call)
}

/** Faults for the calls of the File System API. */
export function fileSystemFaults(): Faults {
  const targets: Readonly<Record<FaultKind, (call: string) => boolean>> = {
    error: () => true,
    denied: call => call !== 'chunk' && call !== 'arrayBuffer',
    'late error': call => call === 'move' || call === 'close',
    quota: call => filling.has(call),
    'short read': call => call === 'chunk' || call === 'arrayBuffer',
    'short write': () => false,
    hang: () => true,
  }
  return new Faults((kind, call) => targets[kind](call))
}

/** Patches the File System API. Gives what takes the patches away. */
export function patchFileSystem(faults: Faults): () => void {
  const patches: readonly (readonly [Prototype, readonly string[]])[] = [
    [FileSystemDirectoryHandle, ['getDirectoryHandle', 'getFileHandle', 'removeEntry']],
    [FileSystemFileHandle, ['getFile', 'createWritable', 'move']],
    [FileSystemWritableFileStream, ['write', 'close']],
    [Blob, ['arrayBuffer']],
  ]
  const undo = patches.flatMap(([{ prototype }, methods]) =>
    methods.map(name => patch(prototype, name, call => failing(name, call, faults))),
  )
  undo.push(patch(Blob.prototype, 'stream', call => failingStream(call, faults)))
  return () => {
    for (const step of undo) step()
  }
}

function patch(prototype: object, name: string, wrap: (call: Call) => Call): () => void {
  const call = Reflect.get(prototype, name) as Call
  Reflect.set(prototype, name, wrap(call))
  return () => Reflect.set(prototype, name, call)
}

function failing(name: string, call: Call, faults: Faults): Call {
  return async function (...args) {
    const fault = faults.next(name)
    if (fault === 'hang') await faults.untilAborted()
    if (fault === undefined || fault === 'hang') return call.apply(this, args)
    if (fault === 'short read') {
      const bytes = (await call.apply(this, args)) as ArrayBuffer
      return bytes.slice(0, bytes.byteLength >> 1)
    }
    if (fault === 'late error') await call.apply(this, args)
    throw exceptionOf(fault, name)
  }
}

function failingStream(call: Call, faults: Faults): Call {
  return function () {
    const reader = (call.apply(this, []) as ReadableStream<Uint8Array>).getReader()
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const fault = faults.next('chunk')
          if (fault === 'hang') await faults.untilAborted()
          if (fault === 'short read') return controller.close()
          if (fault === 'error') return controller.error(exceptionOf(fault, 'chunk'))
          const next = await reader.read()
          if (next.done) controller.close()
          else controller.enqueue(next.value)
        },
        cancel: reason => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    )
  }
}

const storing = new Set(['put'])

/** Faults for the calls of IndexedDB. */
export function databaseFaults(): Faults {
  const targets: Readonly<Record<FaultKind, (call: string) => boolean>> = {
    error: () => true,
    // The browser lets the connection go.
    denied: () => false,
    'late error': () => false,
    quota: call => storing.has(call),
    'short read': () => false,
    'short write': () => false,
    hang: () => false,
  }
  return new Faults((kind, call) => targets[kind](call))
}

/** Patches IndexedDB. A request that fails takes its transaction with it, with the reason that the browser gives. */
export function patchDatabase(faults: Faults): () => void {
  const methods = ['get', 'getKey', 'getAll', 'getAllKeys', 'put', 'delete', 'openKeyCursor']
  const undo = methods.map(name =>
    patch(IDBObjectStore.prototype, name, call => failingRequest(name, call, faults)),
  )
  undo.push(
    patch(
      IDBDatabase.prototype,
      'transaction',
      call =>
        function (...args) {
          const fault = faults.next('transaction')
          if (fault !== undefined) throw exceptionOf(fault, 'transaction')
          return call.apply(this, args)
        },
    ),
  )
  return () => {
    for (const step of undo) step()
  }
}

function failingRequest(name: string, call: Call, faults: Faults): Call {
  return function (...args) {
    const fault = faults.next(name)
    const request = call.apply(this, args)
    if (fault === undefined) return request
    const { transaction } = this as IDBObjectStore
    Object.defineProperty(transaction, 'error', { value: exceptionOf(fault, name) })
    transaction.abort()
    return request
  }
}
