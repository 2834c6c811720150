/** Node's file system, each call of which can be made to fail: for `vi.mock` of `node:fs` and `node:fs/promises`. */

import { type FaultKind, Faults } from './faults.ts'

/** The errno of each kind. */
const errnos: Readonly<Partial<Record<FaultKind, string>>> = {
  error: 'EIO',
  'late error': 'EIO',
  quota: 'ENOSPC',
  denied: 'EACCES',
}

/** What takes things away, or lets go of them: where that fails, something stays, and `sweep` is for it. */
const cleaning = new Set(['unlink', 'rm', 'rmdir', 'handle.close', 'rename'])

/** Tells whether a call takes something away. */
export function isCleaning(call: string): boolean {
  return cleaning.has(call)
}

/** Room is needed by these alone. */
const filling = new Set([
  'mkdir',
  'open',
  'link',
  'rename',
  'copyFile',
  'handle.write',
  'handle.writeFile',
  'handle.datasync',
  'handle.sync',
])
const counting = { read: new Set(['handle.read', 'readSync']), write: new Set(['handle.write']) }

/** Faults for the calls of the file system. */
export function fsFaults(): Faults {
  const targets: Readonly<Record<FaultKind, (call: string) => boolean>> = {
    error: () => true,
    // A name that was given, whatever the answer says.
    'late error': call => call === 'rename' || call === 'link',
    denied: () => true,
    quota: call => filling.has(call),
    'short read': call => counting.read.has(call),
    'short write': call => counting.write.has(call),
    // What is synchronous can't be waited for.
    hang: call => !call.endsWith('Sync') && call !== 'native',
  }
  return new Faults((kind, call) => targets[kind](call))
}

type Call = (...args: unknown[]) => unknown
type Module = Record<string, unknown>

/** `node:fs/promises` behind faults. */
export function faultyPromises(real: Module, faults: Faults): Module {
  const handle = (inner: object): object =>
    new Proxy(inner, {
      get(target, name) {
        const value = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return failing(`handle.${String(name)}`, value.bind(target), faults)
      },
    })
  const open = real.open as Call
  return {
    ...wrapped(real, Object.keys(real), (name, call) => failing(name, call, faults)),
    open: failing('open', async (...args) => handle((await open(...args)) as object), faults),
  }
}

/** `node:fs`, whose calls the adapter makes at once where blobs are small, behind faults. */
export function faultySync(real: Module, faults: Faults): Module {
  const names = ['openSync', 'fstatSync', 'readSync', 'closeSync']
  const { native } = real.realpathSync as unknown as { native: Call }
  return {
    ...real,
    ...wrapped(real, names, (name, call) => failingSync(name, call, faults)),
    realpathSync: Object.assign(() => {}, real.realpathSync, {
      native: failingSync('native', native, faults),
    }),
  }
}

function wrapped(real: Module, names: readonly string[], wrap: (name: string, call: Call) => Call): Module {
  const wrappedOf = (name: string): unknown => {
    const value = real[name]
    return typeof value === 'function' ? wrap(name, value as Call) : value
  }
  return Object.fromEntries(names.map(name => [name, wrappedOf(name)]))
}

function failing(name: string, call: Call, faults: Faults): Call {
  return async (...args) => {
    const fault = faults.next(name)
    if (fault === undefined) return call(...args)
    if (fault === 'hang') {
      await faults.untilAborted()
      return call(...args)
    }
    if (fault === 'short read' || fault === 'short write') return call(...shortened(args, faults))
    // A handle that isn't closed would stay open for ever.
    if (fault === 'late error' || name === 'handle.close') await call(...args)
    throw errorOf(fault, name)
  }
}

function failingSync(name: string, call: Call, faults: Faults): Call {
  return (...args) => {
    const fault = faults.next(name)
    if (fault === undefined) return call(...args)
    if (fault === 'short read') return call(...shortened(args, faults))
    if (name === 'closeSync') call(...args)
    throw errorOf(fault, name)
  }
}

/** The arguments of `read` and `write` with half of the length; with none of it where nothing goes any more. */
function shortened(args: readonly unknown[], faults: Faults): readonly unknown[] {
  return args.map((arg, at) => {
    const isLength = typeof arg === 'number' && at === args.length - 2
    if (!isLength) return arg
    return faults.isLasting ? 0 : Math.ceil(arg / 2)
  })
}

function errorOf(fault: FaultKind, syscall: string): Error {
  const code = errnos[fault] ?? 'EIO'
  return Object.assign(new Error(`${code}: injected, ${syscall}`), { code, syscall })
}
