/** What every engine runs: one line for a suite, one for a medium. The page runs them, the test in Node names them. */

import { folder, opfs } from '../../adapters/fsa/index.ts'
import { memory } from '../../adapters/memory.ts'
import type { StorageAdapter, StorageTraits } from '../../src/storage.ts'
import { indexedDbPlace } from '../adapters/indexeddb-place.ts'
import {
  layerCases,
  layoutCases,
  runLayerCase,
  runLayoutCase,
  runStorageCase,
  type StorageFactory,
  type StoragePlace,
  storageCases,
} from '../suites/index.ts'

/** A case, as far as an engine's test has to know it. */
export interface EngineCase {
  readonly name: string
  readonly needs?: { readonly trait: string; has(traits: StorageTraits): boolean }
}

/** A suite of cases, each run on an empty place. */
export interface EngineSuite {
  readonly cases: readonly EngineCase[]
  /** A medium whose files are written and read as another's are. */
  readonly leavesOut?: string
  run(name: string, factory: StorageFactory): Promise<void>
}

const handles = 'a folder handle'

export const suites: Readonly<Record<string, EngineSuite>> = {
  storage: suiteOf(storageCases, runStorageCase),
  layout: suiteOf(layoutCases, runLayoutCase),
  layers: { ...suiteOf(layerCases, runLayerCase), leavesOut: handles },
}

export const media: Readonly<Record<string, StorageFactory>> = {
  memory: () => ({ open: () => memory() }),
  opfs: () => placeNamed(name => opfs(name)),
  [handles]: () => placeNamed(async name => folder(await handleOf(name))),
  IndexedDB: indexedDbPlace,
}

/** The one of this name. */
export function named<T extends { readonly name: string }>(items: readonly T[], name: string): T {
  const found = items.find(item => item.name === name)
  if (found === undefined) throw new Error(`there is none named ${name}`)
  return found
}

function suiteOf<T extends EngineCase>(
  cases: readonly T[],
  run: (item: T, factory: StorageFactory) => Promise<void>,
): EngineSuite {
  return { cases, run: (name, factory) => run(named(cases, name), factory) }
}

function placeNamed(open: (name: string) => Promise<StorageAdapter>): StoragePlace {
  const name = `suite-${crypto.randomUUID()}`
  return {
    open: () => open(name),
    remove: async () => (await navigator.storage.getDirectory()).removeEntry(name, { recursive: true }),
  }
}

async function handleOf(name: string): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true })
}
