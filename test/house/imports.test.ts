import { expect, it } from 'vitest'
import { entryFiles } from '../setup/entries.ts'
import { faultsOf } from './floors.ts'
import { readSources } from './sources.ts'

it('imports fall downwards only, without a circle, and by public names from outside', async () => {
  const sources = await readSources(['src', 'adapters', 'cli', 'demo', 'test/suites'])
  expect(sources.size).toBeGreaterThan(50)
  expect(faultsOf(sources, entryFiles)).toEqual([])
})

it.each([
  ['upwards', 'src/blob.ts', `import { fsck } from './fsck.ts'`, 'upwards, from things to verbs'],
  [
    'a type, upwards',
    'src/spec.ts',
    `import type { Json } from './json.ts'`,
    'upwards, from ground to values',
  ],
  ['the door', 'src/fsck.ts', `import { x } from './index.ts'`, 'nothing in src imports the door'],
  ['an adapter', 'src/fsck.ts', `export { memory } from '../adapters/memory.ts'`, 'nothing outside'],
  ['Node', 'src/digest.ts', `const fs = await import('node:fs')`, 'only adapters/node and cli know Node'],
  ['Node, in the suites', 'test/suites/index.ts', `import 'node:fs'`, 'only adapters/node and cli know Node'],
  ['Node, in a web adapter', 'adapters/fsa/index.ts', `type A = import('node:fs').Stats`, 'know Node'],
  ['a strange package', 'src/digest.ts', `import pako from 'pako'`, 'not a dependency'],
  ['deflate elsewhere', 'src/codec/gzip.ts', `import { deflateSync } from 'fflate'`, 'belongs to'],
  ['a room', 'adapters/memory.ts', `import { blobPath } from '../src/digest.ts'`, 'the ground alone'],
  ['another adapter', 'adapters/memory.ts', `import { opfs } from './fsa/index.ts'`, 'each other'],
  ['past the entries', 'cli/run.ts', `import { walk } from '../src/walk.ts'`, 'public names only'],
  ['sources', 'demo/work.ts', `import { fsck } from '../src/fsck.ts'`, 'public names only'],
  [
    'sources by URL',
    'demo/work.ts',
    `new Worker(new URL('../src/w.ts', import.meta.url))`,
    'public names only',
  ],
  ['a package', 'demo/work.ts', `import { x } from 'ocidir/src/deep'`, 'public names only'],
  ['tests', 'test/suites/index.ts', `import { x } from '../unit/x.ts'`, 'src alone'],
  ['an unknown room', 'src/helpers.ts', `export const x = 1`, 'has no floor'],
  ['nothing', 'src/fsck.ts', `import { x } from './gone.ts'`, 'not there'],
])('refuses the import of %s', (_, path, text, fault) => {
  const sound = new Map([
    ['src/spec.ts', 'export type A = 1'],
    ['src/json.ts', `import type { A } from './spec.ts'`],
  ])
  expect(faultsOf(sound, entryFiles)).toEqual([])
  expect(faultsOf(new Map([...sound, [path, text]]), entryFiles)).toContainEqual(
    expect.stringContaining(fault),
  )
})

it('refuses a circle, also one of types and of three', () => {
  const circle = new Map([
    ['src/blob.ts', `import { a } from './layout.ts'`],
    ['src/layout.ts', `export type { B } from './walk.ts'`],
    ['src/walk.ts', `import type { C } from './blob.ts'`],
  ])
  expect(faultsOf(circle, entryFiles)).toEqual([
    'circle: src/blob.ts -> src/layout.ts -> src/walk.ts -> src/blob.ts',
  ])
})
