/** The drill of P3: each call of each operation fails in turn; what is there afterwards is judged without faults. */

import { memory } from '../../adapters/memory.ts'
import { isOciError, type OciErrorCode } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { NamedFile, StorageAdapter } from '../../src/storage.ts'
import { Tally } from '../setup/tally.ts'
import { entriesIn, pause, read, textOf } from '../suites/material.ts'
import { type Files, filesIn, tarOf } from '../unit/archive/samples.ts'
import { type Operation, writeSample } from './fault-operations.ts'
import { Reported } from './fault-report.ts'
import { type FaultKind, type FaultOrder, type Faults, namedCalls } from './faults.ts'

/** Two places of a medium, the second to be copied from. */
export interface Site {
  /** Behind faults. */
  readonly storage: StorageAdapter
  readonly source: StorageAdapter
  readonly archive: NamedFile
  /** The first place, as it is. */
  readonly sound: StorageAdapter
  remove(): Promise<void>
}

/** What a site holds at the beginning. */
export interface SiteFiles {
  readonly target: Files
  readonly source: Files
  readonly archive: Uint8Array
}

/** A medium whose calls can be made to fail. */
export interface FaultyMedium {
  readonly name: string
  readonly faults: Faults
  /** Tells whether a call takes something away: where it fails, what stays is for `sweep`. No call unless given. */
  readonly isCleaning?: (call: string) => boolean
  /** Each run makes the same calls, whatever else goes on: each attempt hits. */
  readonly isSteady?: boolean
  make(files: SiteFiles): Promise<Site>
}

/** A kind of fault, and which calls of an operation are hit. */
export interface DrillOptions {
  readonly kind: FaultKind
  readonly isLasting: boolean
  /** Only each so manieth call, beginning with another one for each operation; 1 unless given. */
  readonly stride?: number
  /** The medium says by counts how much it did, so that there is no error at all. */
  readonly isTold?: boolean
  /** Milliseconds after which an attempt counts as one that never ends. */
  readonly patience?: number
}

/** What an operation comes to without faults. */
export interface Baseline {
  readonly calls: readonly string[]
  readonly result: string
  readonly before: State
  readonly after: State
}

/** What of a place doesn't depend on the way to it. */
interface State {
  readonly index: string | undefined
  readonly paths: string
}

type Outcome = { readonly value: string } | { readonly error: unknown }

/** What the medium's own errors become (P17). */
const codes: Readonly<Partial<Record<FaultKind, OciErrorCode>>> = {
  error: 'STORAGE_FAILED',
  'late error': 'STORAGE_FAILED',
  denied: 'STORAGE_DENIED',
  quota: 'STORAGE_FULL',
}

/**
 * How often an attempt is made that hits nothing. Media by themselves don't make the same calls in each run: how many
 * chunks a read comes in, who waits for a lock and how often, and which of two does what both need, is up to the machine.
 */
const tries = 3

/** A loaded machine is slow; a call that hangs is never done. */
const longest = 30_000

/** Drills operations of one medium. */
export class Drill {
  readonly #medium: FaultyMedium
  readonly #operations: Readonly<Record<string, Operation>>
  readonly #unhandled: string[] = []
  readonly #baselines = new Map<string, Baseline>()
  #files: { readonly full: SiteFiles; readonly empty: SiteFiles } | undefined
  /** What was lost, in words. */
  readonly losses: string[] = []
  /** Leftovers where the medium let nothing be taken away. */
  swept = 0
  /** Of the aborts, in milliseconds. */
  slowest = 0

  constructor(medium: FaultyMedium, operations: Readonly<Record<string, Operation>>) {
    this.#medium = medium
    this.#operations = operations
    watchUnhandled(reason => this.#unhandled.push(String(reason)))
  }

  /** The calls that each operation makes, without faults. */
  async calls(): Promise<Readonly<Record<string, number>>> {
    const numbers: Record<string, number> = {}
    for (const name of Object.keys(this.#operations))
      numbers[name] = (await this.#baseline(name)).calls.length
    return numbers
  }

  /** Fails the calls of all operations, one after the other. */
  async run(name: string, { kind, isLasting, stride = 1, ...how }: DrillOptions): Promise<Tally> {
    const tally = new Tally(`P3: ${name}`)
    const before = this.losses.length
    let first = 0
    for (const [operation, { hasNoSignal = false }] of Object.entries(this.#operations)) {
      if (kind === 'hang' && hasNoSignal) continue
      const calls = namedCalls((await this.#baseline(operation)).calls)
      for (let i = first++ % stride; i < calls.length; i += stride) {
        const named = calls[i]
        if (named === undefined || !this.#medium.faults.mayHit(kind, named.call)) continue
        tally.attempts++
        let fired = 0
        for (let n = 0; n < tries && fired === 0; n++) {
          await this.#attempt(operation, { kind, ...named, isLasting }, how)
          fired = this.#medium.faults.fired
        }
        tally.fired += Math.min(1, fired)
      }
    }
    await pause(20)
    for (const reason of this.#unhandled.splice(0)) this.losses.push(`${name}: unhandled: ${reason}`)
    tally.losses = this.losses.length - before
    for (const loss of this.losses.slice(before))
      if (!name.endsWith('(broken on purpose)')) console.log(`${name}: ${loss}`)
    return tally
  }

  async #baseline(name: string): Promise<Baseline> {
    const known = this.#baselines.get(name)
    if (known !== undefined) return known
    const { site, run } = await this.#set(name)
    const before = await stateOf(site.sound)
    this.#medium.faults.begin()
    const outcome = await run(new AbortController().signal)
    const calls = [...this.#medium.faults.calls]
    if ('error' in outcome) throw new Error(`${name} fails without faults`, { cause: outcome.error })
    const after = this.#isGone(name, site) ? before : await stateOf(site.sound)
    await site.remove()
    const baseline = { calls, result: outcome.value, before, after }
    this.#baselines.set(name, baseline)
    return baseline
  }

  async #attempt(name: string, order: FaultOrder, how: How): Promise<void> {
    const { faults } = this.#medium
    const { patience = longest, isTold = false } = how
    const { site, run } = await this.#set(name)
    const controller = new AbortController()
    const reason = new Error('enough')
    let began = 0
    const onHang = (): void => {
      setTimeout(() => {
        began ||= performance.now()
        controller.abort(reason)
      }, 2)
    }
    faults.begin(order, { onHang, aborted: controller.signal })
    const outcome = await within(patience, run(controller.signal))
    if (began > 0) this.slowest = Math.max(this.slowest, performance.now() - began)
    faults.end()
    const at = `${name}, ${order.kind} ${order.isLasting ? 'from' : 'at'} ${order.call} ${order.at}`
    const lose = (what: string): unknown => this.losses.push(`${at}: ${what}`)
    if (faults.fired > 0) {
      const baseline = await this.#baseline(name)
      if (isTold && 'error' in outcome) lose(`an error, though the medium told: ${told(outcome.error)}`)
      this.#judgeOutcome(name, { outcome, kind: order.kind, baseline, reason }, lose)
      if (!('value' in outcome && this.#isGone(name, site)))
        await this.#judgePlace(name, { site, outcome, order, run }, lose)
    } else if ('error' in outcome) {
      lose(`hit nothing, and fails: ${told(outcome.error)}`)
    }
    await site.remove()
  }

  #judgeOutcome(
    name: string,
    { outcome, kind, baseline, reason }: Ended,
    lose: (what: string) => unknown,
  ): void {
    if ('value' in outcome) {
      if (outcome.value !== baseline.result) lose(`no error, but ${outcome.value.slice(0, 200)}`)
    } else if (kind === 'hang') {
      if (outcome.error !== reason) lose(`not the reason of the abort: ${told(outcome.error)}`)
    } else if (!(outcome.error instanceof Reported || isOciError(outcome.error))) {
      lose(`not typed: ${told(outcome.error)}`)
    } else if (isOciError(outcome.error)) {
      const { code, cause } = outcome.error
      const expected = codes[kind]
      const isExpected = code === expected || code === this.#operations[name]?.code
      if (expected !== undefined && !(isExpected && cause instanceof Error))
        lose(`not ${expected} with its cause: ${told(outcome.error)}`)
    }
  }

  async #judgePlace(
    name: string,
    { site, outcome, order, run }: { site: Site; outcome: Outcome; order: FaultOrder; run: Run },
    lose: (what: string) => unknown,
  ): Promise<void> {
    const { before, after, result } = await this.#baseline(name)
    const { isOnEmpty = false } = this.#operations[name] ?? {}
    try {
      const now = await stateOf(site.sound)
      if (now.index !== before.index && now.index !== after.index)
        lose('neither the old index nor the new one')
      if ('value' in outcome && (now.index !== after.index || now.paths !== after.paths))
        lose('acknowledged, and not there')
      // An operation that only reads has left every name and the index as they were.
      const isSame = now.index === before.index && now.paths === before.paths
      const isReading = before.index === after.index && before.paths === after.paths
      if (now.index === undefined && !isOnEmpty) lose('the index is gone')
      else if (now.index !== undefined && !(isSame && isReading)) await judgeLayout(site.sound, lose)
      const { isLeft = false } = this.#operations[name] ?? {}
      await this.#judgeLeftovers(site, { order, isLeft }, lose)
      // What was done already can't be done again, and an entry without a name stands twice.
      const isDone = now.index !== before.index && now.index === after.index
      if ('value' in outcome || isDone || order.kind === 'late error') return
      const again = await within(longest, run(new AbortController().signal))
      if ('error' in again) return void lose(`a second try fails: ${told(again.error)}`)
      if (again.value !== result) lose(`a second try gives ${again.value.slice(0, 200)}`)
      if (this.#isGone(name, site)) return
      const end = await stateOf(site.sound)
      if (end.index !== after.index || end.paths !== after.paths) lose(`a second try ends elsewhere`)
    } catch (error) {
      lose(`the place can't be read: ${told(error)}`)
    }
  }

  /** What stays where nothing could be taken away is for `sweep`, and goes by it. */
  async #judgeLeftovers(
    { sound }: Site,
    { order, isLeft }: { readonly order: FaultOrder; readonly isLeft: boolean },
    lose: (what: string) => unknown,
  ): Promise<void> {
    const { isCleaning } = this.#medium
    const mayStay = isLeft || (isCleaning !== undefined && (order.isLasting || isCleaning(order.call)))
    let left = await stagedIn(sound)
    // A discard that was begun ends by itself.
    for (let i = 0; i < 100 && left.length > 0; i++) {
      await pause(10)
      if (mayStay) this.swept += await sound.sweep({ olderThan: 0 })
      left = await stagedIn(sound)
    }
    if (left.length > 0) lose(`left behind: ${left.join(', ')}`)
  }

  /** A memory that was closed holds nothing any more. */
  #isGone(name: string, { sound }: Site): boolean {
    return this.#operations[name]?.isClose === true && !sound.traits.persistent
  }

  async #set(name: string): Promise<{ site: Site; run: Run }> {
    const operation = this.#operations[name]
    if (operation === undefined) throw new RangeError(name)
    this.#files ??= await sampleFiles()
    const { isOnEmpty = false } = operation
    const site = await this.#medium.make(isOnEmpty ? this.#files.empty : this.#files.full)
    const source = await OciDir.open(site.source)
    const dir = isOnEmpty ? source : await OciDir.open(site.storage)
    const { storage, archive } = site
    const run: Run = async signal => {
      try {
        const value = await operation.run({ storage, archive, dir, source, signal })
        return { value: JSON.stringify(value) ?? 'nothing' }
      } catch (error) {
        return { error }
      }
    }
    return { site, run }
  }
}

type How = Pick<DrillOptions, 'patience' | 'isTold'>
type Run = (signal: AbortSignal) => Promise<Outcome>

/** How an attempt ended, and what it is measured by. */
interface Ended {
  readonly outcome: Outcome
  readonly kind: FaultKind
  readonly baseline: Baseline
  readonly reason: Error
}

async function sampleFiles(): Promise<{ readonly full: SiteFiles; readonly empty: SiteFiles }> {
  const [target, source] = [memory(), memory()]
  await writeSample(await OciDir.ensure(target), 1)
  await writeSample(await OciDir.ensure(source), 11)
  const files = await filesIn(source)
  const full = { target: await filesIn(target), source: files, archive: tarOf(files) }
  return { full, empty: { ...full, target: new Map() } }
}

/** Puts files into an empty place. */
export async function fillPlace(storage: StorageAdapter, files: Files): Promise<void> {
  for (const [path, bytes] of files) {
    if (path === 'oci-layout' || path === 'index.json') await storage.update(path, () => bytes)
    else {
      const staged = await storage.stage()
      const sink = staged.writable.getWriter()
      await sink.write(bytes)
      await sink.close()
      await staged.commit(path as `blobs/${string}/${string}`)
    }
  }
}

async function stateOf(storage: StorageAdapter): Promise<State> {
  const index = await read(storage, 'index.json')
  const paths = (await entriesIn(storage)).filter(({ kind }) => kind !== 'staged').map(({ path }) => path)
  return { index: index && textOf(index), paths: paths.sort().join('\n') }
}

async function judgeLayout(storage: StorageAdapter, lose: (what: string) => unknown): Promise<void> {
  await OciDir.open(storage)
  const { findings } = await fsck(storage)
  for (const { severity, code, path } of findings) if (severity === 'error') lose(`fsck: ${code} ${path}`)
}

async function stagedIn(storage: StorageAdapter): Promise<string[]> {
  return (await entriesIn(storage)).filter(({ kind }) => kind === 'staged').map(({ path }) => path)
}

/** What an operation comes to, if it ends. */
async function within(patience: number, running: Promise<Outcome>): Promise<Outcome> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const stuck = new Promise<Outcome>(resolve => {
    timer = setTimeout(() => resolve({ error: new Error('no end') }), patience)
  })
  const outcome = await Promise.race([running, stuck])
  clearTimeout(timer)
  return outcome
}

function told(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

function watchUnhandled(tell: (reason: unknown) => void): void {
  if (typeof process === 'object' && typeof process.on === 'function') process.on('unhandledRejection', tell)
  else addEventListener('unhandledrejection', event => tell(event.reason))
}
