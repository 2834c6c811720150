/** kill -9 of a process at work on a layout, at random moments: nothing corrupt, nothing lost, nothing left. */

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { fsck } from '../../src/fsck.ts'
import { gc } from '../../src/gc.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { prng } from '../golden/inputs.ts'
import { rounds, seed } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { workFolder } from '../setup/work-folder.ts'
import { writeSample } from '../unit/core/samples.ts'
import { buildChild, Child } from './child.ts'
import { type CrashJob, type Kind, kinds } from './crash-job.ts'

const kills = rounds({ short: 60, long: 1000 })
/** Each kind of step is hit so often. */
const leastHits = rounds({ short: 1, long: 5 })
const lanes = 2
const timeout = 120_000 + kills * 3000
/** Kills on one layout, before the next begins. */
const killsEach = 50

let child: Awaited<ReturnType<typeof buildChild>>
let parent: string
let source: string

beforeAll(async () => {
  child = await buildChild(new URL('./crash-child.ts', import.meta.url))
  parent = await workFolder('ocidir-crash-')
  source = join(parent, 'source')
  const library = await OciDir.ensure(folder(source))
  const layers = ['a'.repeat(100_000), 'b'.repeat(30_000), 'c']
  await writeSample(library, { tag: 'one', layers })
  await writeSample(library, { tag: 'two', layers: ['a'.repeat(100_000), 'd'] })
})
afterAll(async () => {
  await child.remove()
  await rm(parent, { recursive: true })
})

describe('a process that is killed at any moment', () => {
  it(`P2: leaves a whole layout in ${kills} kills, of every kind of step`, {
    timeout,
  }, async () => {
    const tally = new Tally('P2: kill -9 at work on a layout')
    const swept = new Tally('P8: leftovers of kill -9')
    const reading = new Tally('P6: index.json read beside kill -9')
    const hits = new Map<string, number>()
    const kill = async (layout: Layout, i: number, aim: Kind, within?: Kind): Promise<void> => {
      const at = await killOne(layout, { aim, within, seed: seed * 10_000 + i, reading })
      tally.attempts++
      if (at !== undefined) tally.fired++
      hits.set(at ?? 'between steps', (hits.get(at ?? 'between steps') ?? 0) + 1)
      tally.losses += count(await layout.wrong(), `kill ${i}, ${at}`)
      // Each kind in turn: by gc, by a sweep, not at all.
      const way = Math.floor(i / kinds.length) % 3
      if (way < 2) swept.losses += count(await layout.tidy(swept, way === 0), `after kill ${i}, ${at}`)
    }
    const lane = async (number: number): Promise<void> => {
      let layout = await Layout.make()
      for (let i = number; i < kills; i += lanes) {
        if (Math.floor(i / lanes) % killsEach === killsEach - 1) layout = await Layout.make()
        await kill(layout, i, kinds[i % kinds.length] ?? 'layer')
      }
    }
    await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)))
    // The shortest ones may have had luck, so they are killed as they begin.
    for (const kind of kinds) {
      const layout = await Layout.make()
      for (let i = kills; (hits.get(kind) ?? 0) < leastHits && i < kills + 20; i++)
        await kill(layout, i, kind, kind)
    }
    console.log(`killed in ${[...hits].map(([kind, times]) => `${kind} ${times}`).join(', ')}`)
    expect(tally.report().losses).toBe(0)
    expect(tally.fired).toBeGreaterThan(0.9 * tally.attempts)
    expect(swept.report().losses).toBe(0)
    expect(reading.report().losses).toBe(0)
    for (const kind of kinds) expect(hits.get(kind), kind).toBeGreaterThanOrEqual(leastHits)
  })

  const broken = {
    direct: 'writes a blob under its name',
    'in place': 'writes index.json in place',
    'names first': 'names before it writes',
  } as const
  for (const [way, how] of Object.entries(broken)) {
    it(`P2: is found out when it ${how}`, { timeout }, async () => {
      const tally = new Tally(`P2: kill -9 of one that ${how} (broken on purpose)`)
      const tears = way === 'in place'
      const reading = new Tally(
        `P6: index.json read beside one that ${how}${tears ? ' (broken on purpose)' : ''}`,
      )
      const isFound = (): boolean => tally.losses > 0 && (!tears || reading.losses > 0)
      while (tally.attempts < 60 && (!isFound() || tally.attempts < 5)) {
        const layout = await Layout.make()
        const aim = way === 'direct' ? 'plain' : 'tag'
        const job = { aim, broken: way as CrashJob['broken'], seed: seed * 10_000 + tally.attempts } as const
        const at = await killOne(layout, { ...job, reading })
        tally.attempts++
        if (at !== undefined) tally.fired++
        tally.losses += (await layout.wrong()).length
      }
      expect(tally.report().losses).toBeGreaterThan(0)
      expect(reading.report().losses > 0).toBe(tears)
    })
  }
})

interface KillJob extends Pick<CrashJob, 'aim' | 'broken' | 'seed'> {
  readonly reading: Tally
  /** The kind of step to be killed in; any where there is none. */
  readonly within?: Kind | undefined
}

/**
 * Starts a process, lets it finish a step, and kills it a little later; or at once when it begins one of the kind
 * asked for. Gives the kind of step that it was in.
 */
async function killOne(layout: Layout, { reading, within, ...job }: KillJob): Promise<string | undefined> {
  const durability = job.seed % 2 === 0 ? 'strict' : 'relaxed'
  const writer = new Child(child.program, { dir: layout.dir, source, durability, ...job } satisfies CrashJob)
  await writer.said(/^done/)
  const ended = new AbortController()
  const reads = readAlways(layout.dir, reading, ended.signal)
  try {
    if (within !== undefined) await writer.said(new RegExp(`^begin ${within} `), writer.lines.length)
    else await wait(1 + (prng(job.seed)() % 80))
    writer.signal('SIGKILL')
    await writer.exited
  } finally {
    ended.abort()
    await reads
  }
  return layout.learn(writer.lines)
}

/** Reads index.json until it is told to end. */
async function readAlways(dir: string, tally: Tally, signal: AbortSignal): Promise<void> {
  const storage = folder(dir)
  while (!signal.aborted) {
    tally.attempts++
    try {
      const file = await storage.open('index.json')
      JSON.parse(new TextDecoder().decode(await file?.bytes()))
      tally.fired++
    } catch {
      tally.losses++
    }
    await wait(1)
  }
}

/** A layout, and what the processes that worked on it have acknowledged. */
class Layout {
  readonly dir: string
  /** By tag, what it names, or `none`; and where a kill came between, what it was about to name. */
  readonly #tags = new Map<string, { readonly old: string; readonly next?: string | undefined }>()
  readonly #blobs = new Set<string>()

  private constructor(dir: string) {
    this.dir = dir
  }

  static async make(): Promise<Layout> {
    const layout = new Layout(await mkdtemp(join(parent, 'layout-')))
    await OciDir.ensure(folder(layout.dir))
    return layout
  }

  /** Takes down what was told; gives the kind of step that was begun and not done. */
  learn(lines: readonly string[]): string | undefined {
    let at: string | undefined
    for (const line of lines) {
      const [what, kind = '', tag = '', digest = ''] = line.split(' ')
      if (what === 'failed') throw new Error(line)
      if (what === 'ready') continue
      at = what === 'begin' ? kind : undefined
      // Collecting takes what nothing names, and a layer that was written has no name yet.
      if (kind === 'gc') this.#blobs.clear()
      else if (tag !== '-') this.#learnTag(tag, digest, what === 'done')
      else if (what === 'done' && digest !== '-') this.#blobs.add(digest)
    }
    return at
  }

  #learnTag(tag: string, digest: string, isDone: boolean): void {
    const { old = 'none', next } = this.#tags.get(tag) ?? {}
    if (isDone && digest !== next) throw new Error(`${tag} became ${digest}, and ${next} was foretold`)
    this.#tags.set(tag, isDone ? { old: digest } : { old, next: digest })
  }

  /** What isn't as it was acknowledged, or isn't whole. */
  async wrong(): Promise<string[]> {
    const wrong: string[] = []
    const blobs = join(this.dir, 'blobs/sha256')
    for (const name of readdirSync(blobs)) {
      const found = createHash('sha256')
        .update(readFileSync(join(blobs, name)))
        .digest('hex')
      if (found !== name) wrong.push(`blob ${name} is ${found}`)
    }
    for (const digest of this.#blobs) {
      if (!existsSync(join(blobs, digest.replace('sha256:', '')))) wrong.push(`${digest} is lost`)
    }
    const { findings } = await fsck(folder(this.dir))
    for (const { severity, code, path } of findings) if (severity === 'error') wrong.push(`${code} ${path}`)
    return [...wrong, ...this.#wrongTags()]
  }

  /** Sweeps, or collects and sweeps. Gives what is left of private files. */
  async tidy(tally: Tally, collects: boolean): Promise<string[]> {
    const privates = join(this.dir, '.ocidir')
    const left = existsSync(privates) ? readdirSync(privates, { recursive: true, encoding: 'utf8' }) : []
    tally.attempts++
    if (left.some(name => name !== 'lock')) tally.fired++
    const storage = folder(this.dir)
    if (collects) {
      await gc(await OciDir.open(storage), { sweepOlderThan: 0 })
      this.#blobs.clear()
    } else await storage.sweep({ olderThan: 0 })
    await storage.close()
    return existsSync(privates) ? readdirSync(privates, { recursive: true, encoding: 'utf8' }) : []
  }

  #wrongTags(): string[] {
    const wrong: string[] = []
    let entries: readonly { readonly digest: string; readonly annotations?: Record<string, string> }[]
    try {
      entries = JSON.parse(readFileSync(join(this.dir, 'index.json'), 'utf8')).manifests
    } catch (error) {
      return [`index.json: ${error}`]
    }
    const found = new Map(
      entries.map(entry => [entry.annotations?.['org.opencontainers.image.ref.name'], entry.digest]),
    )
    for (const [tag, { old, next }] of this.#tags) {
      const now = found.get(tag) ?? 'none'
      if (now !== old && now !== next) wrong.push(`${tag} is ${now}, not ${old}${next ? ` or ${next}` : ''}`)
      // Old or new: which one it is, is known now.
      this.#tags.set(tag, { old: now })
    }
    for (const tag of found.keys())
      if (tag !== undefined && !this.#tags.has(tag)) wrong.push(`${tag} is there, and nobody named it`)
    return wrong
  }
}

function count(wrong: readonly string[], when: string): number {
  if (wrong.length > 0) console.log(`${when}: ${wrong.join(', ')}`)
  return wrong.length
}
