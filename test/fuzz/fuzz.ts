/** Runs mutants through a reader and says what was lost: anything but a typed error or one and the same result. */

import { isOciError } from '../../src/errors.ts'
import { isLong, rounds, seed } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { lots } from '../suites/seeded-bytes.ts'
import { corpusOf } from './corpus.ts'
import { type Format, type Mutant, mutate } from './mutate.ts'

/** A reader of one format, as the fuzzer sees it. */
export interface Target {
  readonly name: string
  readonly format: Format
  readonly seeds: () => Promise<readonly Uint8Array[]>
  /** What it makes of the bytes, as a text to compare. `pieces` is the size of the chunks that they come in. */
  readonly read: (bytes: Uint8Array, pieces: number) => Promise<string>
  /** It is read at once: there are no chunks to read it in again. */
  readonly isWhole?: boolean
  /** What is wrong with a result, if something is; `originals` are what came of the seeds, unchanged. */
  readonly judge?: (
    mutant: Mutant,
    result: string,
    originals: readonly string[],
  ) => Promise<string | undefined>
}

/** How often, and by what name it is told. */
export interface FuzzOptions {
  readonly title?: string
  readonly attempts?: number
}

/** 20,000 mutants in CI, 1,000,000 in the long form. */
export const attempts: number = rounds({ short: 20_000, long: 1_000_000 })

/** Of so many one is read again, in other chunks. */
const again = 3

/** The longest that 64 KiB may take: a hundred times what they do, so that a busy machine is no fault. */
const longest = 10_000

const MiB = 2 ** 20

/** Inputs that once failed, then mutants; each loss is printed in the form in which the corpus keeps it. */
export async function fuzz(target: Target, options: FuzzOptions = {}): Promise<Tally> {
  const run = new Run(target, options.title ?? target.name)
  await run.corpus()
  await run.mutants(options.attempts ?? attempts)
  return run.report()
}

class Run {
  readonly #target: Target
  readonly #tally: Tally
  readonly #codes = new Map<string, number>()
  #slowest = 0
  readonly #begun = performance.now()
  #grown = 0

  constructor(target: Target, title: string) {
    this.#target = target
    this.#tally = new Tally(`P15: ${title}`)
  }

  async corpus(): Promise<void> {
    for (const bytes of corpusOf(this.#target.name)) {
      const mutant = { bytes, origin: -1, mended: true }
      await this.#attempt(mutant, { originals: [], isTwice: true, pieces: 7 })
    }
  }

  async mutants(count: number): Promise<void> {
    const { format, read } = this.#target
    const seeds = await this.#target.seeds()
    const originals: string[] = []
    for (const bytes of seeds) originals.push(await outcomeOf(() => read(bytes, bytes.length)))
    const below = lots(seed)
    let before = 0
    for (let i = 0; i < count; i++) {
      if (i === Math.floor(count / 10)) before = residentSize()
      const mutant = mutate(seeds, format, below)
      const isTwice = i % again === 0
      await this.#attempt(mutant, {
        originals,
        isTwice,
        pieces: 1 + below(700),
      })
    }
    this.#grown = residentSize() - before
  }

  report(): Tally {
    const codes = JSON.stringify(Object.fromEntries([...this.#codes].sort()))
    const grown = (this.#grown / MiB).toFixed()
    const seconds = ((performance.now() - this.#begun) / 1000).toFixed(1)
    console.log(
      `${this.#tally.name}: seed ${seed}, ${seconds} s, slowest ${this.#slowest.toFixed(1)} ms per 64 KiB, ${grown} MiB grown, ${codes}`,
    )
    if (isLong && this.#grown > 64 * MiB) throw new Error(`${this.#tally.name}: ${grown} MiB more are held`)
    return this.#tally.report()
  }

  async #attempt(
    mutant: Mutant,
    {
      originals,
      isTwice,
      pieces,
    }: { readonly originals: readonly string[]; readonly isTwice: boolean; readonly pieces: number },
  ): Promise<void> {
    const { read, judge } = this.#target
    const { bytes } = mutant
    this.#tally.attempts++
    const start = performance.now()
    const outcome = await outcomeOf(() => read(bytes, bytes.length))
    const slow = (performance.now() - start) / Math.max(1, bytes.length / 65_536)
    this.#slowest = Math.max(this.#slowest, slow)
    const code = /^[A-Z_]+$/.test(outcome) ? outcome : outcome.startsWith('!') ? 'untyped' : 'read'
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1)
    if (outcome !== originals[mutant.origin]) this.#tally.fired++
    if (code === 'untyped') return this.#lose(bytes, outcome)
    if (slow > longest) return this.#lose(bytes, `${slow.toFixed()} ms per 64 KiB`)
    if (isTwice && this.#target.isWhole !== true) {
      const other = await outcomeOf(() => read(bytes, pieces))
      if (other !== outcome) return this.#lose(bytes, `in chunks of ${pieces}: ${other.slice(0, 200)}`)
    }
    if (code !== 'read') return
    const fault = await judge?.(mutant, outcome, originals)
    if (fault !== undefined) this.#lose(bytes, fault)
  }

  #lose(bytes: Uint8Array, why: string): void {
    this.#tally.losses++
    if (this.#tally.losses > 5 || this.#tally.name.endsWith('(broken on purpose)')) return
    const text = btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))
    console.log(`for test/fuzz/corpus/${this.#target.name}.txt:\n# ${why} (seed ${seed})\n${text}`)
  }
}

/** The result, the code of a typed error, or `!` and whatever else was thrown. */
async function outcomeOf(read: () => Promise<string>): Promise<string> {
  try {
    return `=${await read()}`
  } catch (error) {
    return isOciError(error) ? error.code : `!${String(error)}`
  }
}

/** Of the process, after its garbage is gone; 0 in a page, which can't know. */
function residentSize(): number {
  if (!isLong || typeof process === 'undefined') return 0
  globalThis.gc?.()
  return process.memoryUsage?.().rss ?? 0
}
