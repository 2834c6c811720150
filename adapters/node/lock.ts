/**
 * One writer of a layout at a time, among all processes of a machine, and no update lost when a holder is stopped.
 *
 * The lock is the folder `.ocidir/lock`. Free, it is absent or empty. Held, it has exactly one entry, a folder named
 * after its holder: process id, start of the process, a random token, the machine. One takes it by renaming a
 * prepared folder (which holds the entry already) onto it: the system refuses that while `lock` isn't empty. So
 * there is one holder at most, and its name is whole from the first instant.
 *
 * Why no update is lost, although a holder may be stopped at any instant and its lock taken over meanwhile: there is
 * no check that could grow old. *Each effect of a holder is one rename whose path leads through its own entry*: the
 * next index.json is written to `lock/<entry>/` and renamed from there to its name; a blob is removed by renaming it
 * into `lock/<entry>/`. Who takes over first deletes that entry, files before the folder, and only an empty `lock`
 * can be taken. So an effect of the old holder either came before, and the new holder reads it, or it finds no path
 * (ENOENT), does nothing, and the old holder begins again: lock, read, edit. An entry's name is random and never
 * comes back, so one who is late with a takeover can't hit a later holder either. A takeover that was wrong (the
 * holder was slow, not dead) costs that holder a second run of `edit`, never an update.
 *
 * When a holder is taken for dead: at once if its process is provably gone (same boot, same process namespace, and
 * no such process, or one that started later); else when its entry has shown no sign of life for ten seconds. A
 * holder renews its entry's time every two seconds, and the waiter measures by its own clock that it didn't change,
 * so clocks of two machines needn't agree.
 */

import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, rmdir, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { OciError } from '../../src/errors.ts'
import type { AbortOptions } from '../../src/storage.ts'
import { absent, errnoOf, unless } from './faults.ts'
import type { LayoutFolder } from './place.ts'
import { inTurn } from './queue.ts'

/** What a holder may do. Its effects reject with `TurnLost` once another has taken over. */
export interface Turn {
  /** The holder's own folder: files in it are gone when the turn is. */
  readonly folder: string
  /** Writes a file into `folder`. */
  write(name: string, bytes: Uint8Array): Promise<string>
  /** Renames, where one of the two paths lies in `folder`. `false` where `from` isn't there. */
  move(from: string, to: string): Promise<boolean>
  /** Tells whether nobody has taken over until now. */
  isHeld(): Promise<boolean>
}

/** The turn was taken over; nothing was done, and the section runs again. */
export class TurnLost extends Error {}

/** Times, in milliseconds; tests shorten them. */
export interface LockTimes {
  /** Without a sign of life for so long, a holder is taken over. */
  readonly stale: number
  readonly heartbeat: number
  /** Waiting longer for living holders is `STORAGE_LOCKED`. */
  readonly patience: number
}

const usualTimes: LockTimes = { stale: 10_000, heartbeat: 2_000, patience: 120_000 }
const occupied = new Set(['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES', 'EBUSY'])

/** The lock of one layout. */
export class LayoutLock {
  readonly #layout: LayoutFolder
  readonly #times: LockTimes

  constructor(layout: LayoutFolder, times: LockTimes = usualTimes) {
    this.#layout = layout
    this.#times = times
  }

  /** Runs a section while nobody else runs one; again from its beginning when its turn was lost. */
  async run<T>(section: (turn: Turn) => Promise<T>, options: AbortOptions = {}): Promise<T> {
    const home = await this.#layout.private()
    return inTurn(home, options.signal, async () => {
      for (;;) {
        const turn = await this.#take(options.signal)
        try {
          return await section(turn)
        } catch (error) {
          if (!(error instanceof TurnLost)) throw error
        } finally {
          await turn.end()
        }
      }
    })
  }

  /** Takes over what dead holders and waiters left. Gives the number of leftovers. */
  async sweep(home: string, olderThan: number): Promise<number> {
    let removed = 0
    const [holder] = await entriesOf(join(home, 'lock'))
    if (holder !== undefined && (await this.#isLeft(join(home, 'lock', holder), olderThan))) {
      await clear(join(home, 'lock', holder))
      removed++
    }
    for (const name of await entriesOf(home)) {
      if (!name.startsWith('turn-')) continue
      if (!(await this.#isLeft(join(home, name), olderThan))) continue
      await rm(join(home, name), { recursive: true, force: true })
      removed++
    }
    return removed
  }

  async #isLeft(path: string, olderThan: number): Promise<boolean> {
    const stats = await unless(absent, stat(path))
    if (stats === undefined || ageOf(stats) < olderThan) return false
    return isDead(path) || ageOf(stats) >= this.#times.stale
  }

  async #take(signal: AbortSignal | undefined): Promise<HeldTurn> {
    const home = await this.#layout.private()
    const entry = newEntry()
    const prepared = join(home, `turn-${entry}`)
    const waiter = new Waiter(join(home, 'lock'), this.#times)
    try {
      for (;;) {
        signal?.throwIfAborted()
        if ((await this.#prepare(prepared, entry)) && (await tryTake(prepared, join(home, 'lock')))) {
          return new HeldTurn(join(home, 'lock', entry), this.#times)
        }
        await waiter.next(this.#layout.storage, signal)
      }
    } finally {
      // Taken, it is gone already; else `sweep` takes it. A failure must not hide a lock that is held by now.
      await rm(prepared, { recursive: true, force: true }).catch(() => {})
    }
  }

  /**
   * A folder that holds the entry; false when it was swept, or its own folder was, as it was made.
   *
   * Not `recursive` of `mkdir`: in Node that says of a full disk that a folder is missing.
   */
  async #prepare(prepared: string, entry: string): Promise<boolean> {
    await this.#layout.private()
    const made = unless(['EEXIST'], mkdir(prepared))
      .then(() => unless(['EEXIST'], mkdir(join(prepared, entry))))
      .then(() => true)
    return (await unless(['ENOENT'], made)) ?? false
  }
}

/** Milliseconds since a file was written. Disks count finer than the clock, so one just written isn't below 0. */
export function ageOf(stats: { readonly mtimeMs: number }): number {
  return Math.max(0, Date.now() - stats.mtimeMs)
}

class HeldTurn implements Turn {
  readonly folder: string
  readonly #heartbeat: NodeJS.Timeout

  constructor(folder: string, times: LockTimes) {
    this.folder = folder
    this.#heartbeat = setInterval(() => {
      const now = new Date()
      utimes(folder, now, now).catch(() => {})
    }, times.heartbeat)
    this.#heartbeat.unref()
  }

  async write(name: string, bytes: Uint8Array): Promise<string> {
    const path = join(this.folder, name)
    const handle = await unless(['ENOENT'], open(path, 'w', 0o644))
    if (handle === undefined) throw new TurnLost()
    try {
      await handle.writeFile(bytes)
      // Always: an index.json without its bytes would be a layout lost, not an update.
      await handle.datasync()
    } finally {
      await handle.close()
    }
    return path
  }

  async isHeld(): Promise<boolean> {
    return (await unless(absent, stat(this.folder))) !== undefined
  }

  async move(from: string, to: string): Promise<boolean> {
    try {
      await rename(from, to)
      return true
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      if (!(await this.isHeld())) throw new TurnLost()
      return false
    }
  }

  async end(): Promise<void> {
    clearInterval(this.#heartbeat)
    // Once more: others would wait until it is stale.
    await clear(this.folder).catch(() => clear(this.folder))
  }
}

/** Looks at who holds the lock, from time to time. */
class Waiter {
  readonly #lock: string
  readonly #times: LockTimes
  readonly #began = performance.now()
  #seen: { readonly entry: string; readonly mtime: number; readonly since: number } | undefined
  #pause = 2
  /** How often nobody held it, and yet it couldn't be taken. */
  #free = 0

  constructor(lock: string, times: LockTimes) {
    this.#lock = lock
    this.#times = times
  }

  /** Resolves when it is worth trying again. */
  async next(storage: string, signal: AbortSignal | undefined): Promise<void> {
    const [entry] = await entriesOf(this.#lock)
    const isTooLate = performance.now() - this.#began > this.#times.patience
    if (entry === undefined) {
      // A system that lets nobody take a free lock (for want of rights, say) must not keep us in a circle.
      if (isTooLate && this.#free > 2) throw new OciError('STORAGE_LOCKED', { storage })
      // Only where a folder can't be renamed onto an empty one; a lock taken this instant isn't empty and stays.
      await rmdir(this.#lock).catch(() => {})
      if (++this.#free < 3) return
    } else {
      const path = join(this.#lock, entry)
      if (isDead(path) || (await this.#isSilent(path, entry))) return await clear(path)
      if (isTooLate)
        throw new OciError('STORAGE_LOCKED', { storage, holder: `process ${entry.split('.')[0]}` })
    }
    await wait(this.#pause * (0.5 + Math.random()), undefined, { ...(signal && { signal }) }).catch(error => {
      throw signal?.aborted ? signal.reason : error
    })
    this.#pause = Math.min(this.#pause * 1.5, 40)
  }

  async #isSilent(path: string, entry: string): Promise<boolean> {
    const now = performance.now()
    const mtime = (await unless(absent, stat(path)))?.mtimeMs
    if (mtime === undefined) return false
    if (this.#seen?.entry === entry && this.#seen.mtime === mtime)
      return now - this.#seen.since > this.#times.stale
    this.#seen = { entry, mtime, since: now }
    return false
  }
}

async function tryTake(prepared: string, lock: string): Promise<boolean> {
  try {
    await rename(prepared, lock)
    return true
  } catch (error) {
    // ENOENT: swept while we waited; it is made anew.
    if (errnoOf(error) === 'ENOENT' || occupied.has(errnoOf(error) ?? '')) return false
    throw error
  }
}

/** Deletes an entry and all in it. Files first: a folder that is gone takes no renamed file any more. */
async function clear(folder: string): Promise<void> {
  for (let refused = 0; ; ) {
    const error = await rmdir(folder).catch(thrown => thrown)
    if (error === undefined || absent.includes(errnoOf(error) ?? '')) return
    if (!occupied.has(errnoOf(error) ?? '')) throw error
    const names = await entriesOf(folder)
    for (const name of names) await rm(join(folder, name), { recursive: true, force: true })
    if (names.length > 0) continue
    // Empty, and yet not to be removed: on Windows for as long as somebody looks at it, without rights for ever.
    if (++refused > 20) throw error
    await wait(refused)
  }
}

async function entriesOf(folder: string): Promise<string[]> {
  return (await unless(absent, readdir(folder))) ?? []
}

function newEntry(): string {
  return [process.pid, startOf(process.pid) ?? 0, randomUUID(), machine()].join('.')
}

/** True only where it is certain: this machine, this boot, this process namespace, and no such process. */
function isDead(path: string): boolean {
  const [pid, start, , where] = basename(path).replace('turn-', '').split('.')
  if (where === undefined || where !== machine() || !/^[1-9][0-9]*$/.test(pid ?? '')) return false
  try {
    process.kill(Number(pid), 0)
  } catch (error) {
    return errnoOf(error) === 'ESRCH'
  }
  const found = startOf(Number(pid))
  return found !== undefined && start !== '0' && found !== start
}

/** When a process began, in ticks since boot, where the system says so (Linux): tells a recycled id apart. */
function startOf(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in brackets and may hold anything.
    return line.slice(line.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

let machineName: string | undefined

/** This machine, this boot and this namespace of processes: a process id means something only among equals. */
function machine(): string {
  machineName ??= createHash('sha256').update(JSON.stringify(machineFacts())).digest('hex').slice(0, 16)
  return machineName
}

function machineFacts(): string[] {
  const facts = [hostname()]
  try {
    facts.push(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'), readlinkSync('/proc/self/ns/pid'))
  } catch {
    // Containers may share a host name and a folder, and then an id proves nothing. Elsewhere there are none.
    if (process.platform === 'linux') facts.push(randomUUID())
  }
  return facts
}
