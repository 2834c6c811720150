/** The page that runs in an engine: asks the test for a task, does it, and posts what came of it. */

import { memory } from '../../adapters/memory.ts'
import type { StorageTraits } from '../../src/storage.ts'
import { buildAll } from '../interop/same-digest/build.ts'
import { content, modes, mtime } from '../interop/same-digest/folder.ts'
import { brokenStorages } from '../suites/broken/broken.ts'
import { runStorageCase, type StorageFactory, storageCases } from '../suites/index.ts'
import { digestsByWorkers } from '../unit/work/digests.ts'
import { differences } from './differences.ts'
import { media, named, suites } from './suites.ts'

/** What became of one case. */
export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'left out'; readonly trait: string }
  | { readonly kind: 'failed'; readonly reason: string }

/** What the test asks for, by name: arguments and results are JSON. */
export const deeds = {
  /** The engine's own words about itself. */
  async engine(): Promise<string> {
    return navigator.userAgent
  },
  async runCase(place: CasePlace): Promise<Outcome> {
    const suite = oneOf(suites, place.suite)
    const factory = oneOf(media, place.medium)
    const { needs } = named(suite.cases, place.name)
    if (needs && !needs.has(await traitsOf(factory))) return { kind: 'left out', trait: needs.trait }
    return outcomeOf(suite.run(place.name, factory))
  },
  /** Runs the case that is about a fault on a storage that has it. */
  async runBroken(fault: string): Promise<Outcome> {
    const broken = brokenStorages.find(one => one.fault === fault)
    if (broken === undefined) throw new Error(`no broken storage ${fault}`)
    return outcomeOf(
      runStorageCase(named(storageCases, broken.fails), () => ({ open: () => broken.over(memory()) })),
    )
  },
  /** What this engine does its own way, and whether the library makes the same of it. */
  async differences(): Promise<Look[]> {
    const looks: Look[] = []
    for (const { what, ours, look, prove } of differences) {
      const found = await look().catch(error => `fails: ${reasonOf(error)}`)
      const outcome = await outcomeOf(prove())
      looks.push({ what, ours, found, ...(outcome.kind === 'failed' && { failure: outcome.reason }) })
    }
    return looks
  },
  /** The digests of one layer by so many workers. */
  digestsByWorkers,
  /** The digests of one folder's image, which are the same everywhere. */
  async digests(medium: string): Promise<Record<string, string>> {
    const storage = async () => (await oneOf(media, medium)()).open()
    return buildAll(storage, await folderOfContent(), { mtime, mode: path => modes[path] })
  },
}

/** One difference as this engine has it. */
export interface Look {
  readonly what: string
  readonly found: string
  readonly ours: string
  /** Why the library doesn't do what it should. */
  readonly failure?: string
}

/** Which case to run, and where. */
export interface CasePlace {
  readonly suite: string
  readonly medium: string
  readonly name: string
}

const longestCase = 60_000

function oneOf<T>(all: Readonly<Record<string, T>>, name: string): T {
  const found = all[name]
  if (found === undefined) throw new Error(`there is none named ${name}`)
  return found
}

async function traitsOf(factory: StorageFactory): Promise<StorageTraits> {
  const place = await factory()
  const storage = await place.open()
  await storage.close()
  await place.remove?.()
  return storage.traits
}

async function outcomeOf(running: Promise<void>): Promise<Outcome> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`no end within ${longestCase} ms`)), longestCase)
  })
  try {
    await Promise.race([running, late])
    return { kind: 'passed' }
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error) }
  }
}

/** A folder's handle: the private file system is the one place where a page may make one. */
async function folderOfContent(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory()
  const top = await root.getDirectoryHandle(`content-${crypto.randomUUID()}`, { create: true })
  for (const [path, bytes] of Object.entries(content)) {
    const names = path.split('/')
    const name = names.pop() ?? ''
    let folder = top
    for (const parent of names) folder = await folder.getDirectoryHandle(parent, { create: true })
    const writable = await (await folder.getFileHandle(name, { create: true })).createWritable()
    await writable.write(bytes)
    await writable.close()
  }
  return top
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `, by ${reasonOf(error.cause)}`
  return `${error}${'data' in error ? ` ${JSON.stringify(error.data)}` : ''}${cause}`
}

// Cases wait for the disk most of the time. A browser has at most six connections to one server.
const lanes = 4
for (let lane = 0; lane < lanes; lane++) work().catch(console.error)

async function work(): Promise<void> {
  for (let done: object = {}; ; ) {
    const answer = await fetch('/next', { method: 'POST', body: JSON.stringify(done) })
    const { task, name, args } = (await answer.json()) as Asked
    try {
      done = { task, value: await deeds[name](...args) }
    } catch (error) {
      done = { task, fault: reasonOf(error) }
    }
  }
}

interface Asked {
  readonly task: number
  readonly name: keyof typeof deeds
  readonly args: [never]
}
