/** The built package in every runtime: one image, the three suites, and all of them on one layout. */

import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { OciDir } from '../../src/index.ts'
import { run } from '../house/run.ts'
import { installInto, packInto } from '../setup/installed.ts'
import { Tally } from '../setup/tally.ts'
import { describeWith, type ToolName, tool } from '../setup/tools.ts'
import { workFolder } from '../setup/work-folder.ts'
import { layerCases, layoutCases, storageCases } from '../suites/index.ts'

interface Runtime {
  readonly name: string
  /** Absent for the one that runs the tests. */
  readonly tool?: ToolName
  /** What comes before the script's name. Nothing is fetched while it runs. */
  readonly flags: readonly string[]
}

const runtimes: readonly (Runtime & { tool: ToolName; version: RegExp })[] = [
  { name: 'Bun', tool: 'bun', version: /^\d+\.\d+\.\d+/, flags: ['--no-install'] },
  {
    name: 'Deno',
    tool: 'deno',
    version: /^deno \d+\.\d+\.\d+/,
    flags: ['run', '--allow-all', '--no-remote', '--node-modules-dir=manual', '--quiet'],
  },
  { name: 'Node 22', tool: 'node22', version: /^v22\./, flags: [] },
  { name: 'Node 24', tool: 'node24', version: /^v24\./, flags: [] },
]

/** This one, which has the least version that is supported: it runs the installed package, too. */
const thisNode: Runtime = { name: `Node ${process.versions.node.split('.')[0]}`, flags: [] }

/** What `deeds.js suite` prints of each medium. */
interface SuiteResult {
  readonly cases: number
  readonly passed: number
  readonly failed: readonly string[]
  /** Names that say the trait. */
  readonly leftOut: readonly string[]
  readonly seconds: number
}

const suites = { storage: storageCases.length, layout: layoutCases.length, layers: layerCases.length }

/** What `deeds.js addTags` prints. */
interface Tagging {
  readonly milliseconds: number
  /** Updates before which another process came, since this one's last. */
  readonly between: number
}

let home = ''
let expected: unknown
let places = 0

beforeAll(async () => {
  home = await workFolder('ocidir-runtimes-')
  await cp(new URL('consumer/', import.meta.url), home, { recursive: true })
  await installInto(home, (await packInto(home)).tarball)
  expected = await deed(undefined, 'build', home)
})
afterAll(() => rm(home, { recursive: true, force: true, maxRetries: 5 }))

it('this Node is the least one that is supported, in CI', () => {
  console.log(`run by Node ${process.versions.node}`)
  // In CI the least one that is supported; elsewhere whichever there is.
  if (process.env.CI) expect(process.versions.node).toMatch(/^20\./)
})

describe.each(runtimes)('$name', runtime => {
  describeWith([runtime.tool], 'has the package', () => {
    it('and is the version that its name says', async () => {
      const { stdout } = await run(tool(runtime.tool), ['--version'], { cwd: home })
      console.log(`${runtime.name}: ${stdout.split('\n')[0]}`)
      expect(stdout).toMatch(runtime.version)
    })

    it('and builds, tags, checks and reads the same image as this Node, in memory and on disk', {
      timeout: 60_000,
    }, async () => {
      const built = await deed(runtime, 'build', await newPlace())
      const image = { ok: true, findings: 0, tags: ['app:2'], run: '#!/bin/sh\necho hello\n' }
      expect(built).toMatchObject([image, image])
      expect(built).toEqual(expected)
    })

    it('and loses no tag of eight processes with eight tags each', { timeout: 60_000 }, async () => {
      const tally = await race(Array(8).fill(runtime), 'addTags')
      expect(tally.report()).toMatchObject({ attempts: 64, losses: 0 })
    })

    it('and takes over at once from one killed with the lock, and this Node from it', {
      timeout: 60_000,
    }, async () => {
      const tally = new Tally(`P2: ${runtime.name}: a writer killed in its update`)
      await takeOver({ dying: undefined, heir: runtime }, tally)
      await takeOver({ dying: runtime, heir: undefined }, tally)
      expect(tally.report()).toMatchObject({ attempts: 2, fired: 2, losses: 0 })
    })
  })
})

describe.each([thisNode, ...runtimes])('$name', runtime => {
  describeWith(runtime.tool ? [runtime.tool] : [], 'runs the installed package', () => {
    it.each(Object.keys(suites) as (keyof typeof suites)[])(
      'and keeps every promise of the %s suite',
      {
        timeout: 200_000,
      },
      async suite => {
        const results = (await deed(runtime, 'suite', await newPlace(), suite)) as Record<string, SuiteResult>
        for (const [medium, { cases, passed, failed, leftOut, seconds }] of Object.entries(results)) {
          console.log(
            `${runtime.name}, ${suite} suite, ${medium}: ${passed} passed, ${leftOut.length} left out, ${seconds} s`,
          )
          expect(failed).toEqual([])
          expect(passed + leftOut.length).toBe(cases)
          expect(cases).toBe(suites[suite])
          for (const name of leftOut) expect(name).toMatch(/\(left out: trait (persistent|exclusion)\)$/)
        }
        expect(results.folder?.leftOut).toEqual([])
      },
    )
  })
})

describe.each([thisNode, ...runtimes])('$name', runtime => {
  describeWith(runtime.tool ? [runtime.tool] : [], 'compresses by threads', () => {
    it('with the same digests by 1, 2 and 4 of them as this Node by none', { timeout: 90_000 }, async () => {
      const place = await newPlace()
      const { digests } = (await deed(undefined, 'digestsByWorkers', place, '0')) as { digests: object }
      for (const count of [1, 2, 4]) {
        const found = await deed(runtime, 'digestsByWorkers', place, String(count))
        expect(found).toEqual({ digests, started: count })
      }
    })
  })
})

describeWith(
  runtimes.map(({ tool }) => tool),
  'all runtimes on one layout',
  () => {
    const everybody = [...runtimes, ...runtimes]

    it('lose no tag', { timeout: 60_000 }, async () => {
      const tally = await race(everybody, 'addTags')
      expect(tally.report()).toMatchObject({ attempts: 64, losses: 0 })
    })

    it('lose tags without the lock', { timeout: 60_000 }, async () => {
      const tally = await race(everybody, 'addTagsUnlocked')
      expect(tally.report().losses).toBeGreaterThan(0)
    })
  },
)

/** Processes that tag at the same time: fired where they met, and a tag that isn't there afterwards is a loss. */
async function race(writers: readonly Runtime[], name: 'addTags' | 'addTagsUnlocked'): Promise<Tally> {
  const tally = new Tally(
    `P5: ${[...new Set(writers.map(writer => writer.name))].join(', ')}: ${name === 'addTags' ? 'tags' : 'tags without lock (broken on purpose)'}`,
  )
  const place = await newPlace({ built: true })
  const count = String(writers.length)
  const done = await Promise.all(writers.map((writer, i) => deed(writer, name, place, `writer${i}`, count)))
  for (const { between } of done as Tagging[]) tally.fired += between
  const found = await tagsIn(place)
  for (let i = 0; i < writers.length * 8; i++) {
    tally.attempts++
    if (!found.includes(`writer${i >> 3}-${i & 7}`)) tally.losses++
  }
  return tally
}

async function takeOver(
  who: { dying: Runtime | undefined; heir: Runtime | undefined },
  tally: Tally,
): Promise<void> {
  const place = await newPlace({ built: true })
  tally.attempts++
  await expect(deed(who.dying, 'dieHolding', place)).rejects.toThrow()
  tally.fired += (await readdir(join(place, 'built/.ocidir/lock'))).length
  const { milliseconds } = (await deed(who.heir, 'addTags', place, 'heir')) as Tagging
  // Without a proof that the holder is gone it would be ten seconds.
  if (milliseconds > 9000) throw new Error('the heir waited as for one that may be alive')
  tally.losses += (await tagsIn(place)).length === 9 ? 0 : 1
}

async function tagsIn(place: string): Promise<readonly string[]> {
  return (await (await OciDir.open(folder(join(place, 'built')))).tags()).map(({ tag }) => tag)
}

/** An empty folder, or one with the layout of `build`. */
async function newPlace({ built = false } = {}): Promise<string> {
  const place = join(home, `place-${places++}`)
  await mkdir(place)
  if (built) await cp(join(home, 'built'), join(place, 'built'), { recursive: true })
  return place
}

/** What a deed printed; without a runtime, this Node does it. */
async function deed(runtime: Runtime | undefined, ...args: readonly string[]): Promise<unknown> {
  const command = runtime?.tool === undefined ? process.execPath : tool(runtime.tool)
  const { stdout } = await run(command, [...(runtime?.flags ?? []), 'deeds.js', ...args], { cwd: home })
  return JSON.parse(stdout || 'null')
}
