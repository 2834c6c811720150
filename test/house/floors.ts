import { posix } from 'node:path'
import { importsOf, type Sources } from './sources.ts'

/** What the house rests on, from the ground up, as ARCHITECTURE.md draws it. A folder is one room. */
const floors: Readonly<Record<string, readonly string[]>> = {
  ground: [
    'spec',
    'errors',
    'faults',
    'layout-names',
    'private-root',
    'storage',
    'streams',
    'staging',
    'shared-file',
    'stored-blob',
    'stored-bytes',
    'web-lock',
  ],
  values: [
    'canonical-json',
    'digest',
    'document',
    'engine',
    'findings',
    'hashing',
    'jobs',
    'json',
    'lane',
    'limits',
    'media-types',
    'parallel',
    'plain-json',
    'platform',
    'pool',
    'progress',
    'reference',
    'rules',
    'stacks',
    'validate',
    'wasm-allowed',
    'wasm-hash',
  ],
  things: [
    'blob',
    'codec/',
    'copy/',
    'image',
    'index-json',
    'layer',
    'layout',
    'perform',
    'read-handle',
    'publish',
    'reach',
    'referring',
    'resolve',
    'stored-digest',
    'tar/',
    'walk',
  ],
  verbs: [
    'archive/',
    'artifact',
    'deep/',
    'files/',
    'fsck',
    'fsck-ahead',
    'fsck-image',
    'fsck-layers',
    'fsck-strays',
    'gc',
    'oci-dir',
    'referrers',
    'repair/',
    'transcode/',
    'worker',
    'write-image',
  ],
  door: ['index'],
}
const floorNames = Object.keys(floors)

/** The packages that the library stands on, and the one room that each belongs to (if it has one). */
const packages: Readonly<Record<string, string>> = {
  'hash-wasm': 'src/',
  '@noble/hashes/sha2.js': 'src/hashing.ts',
  fflate: 'src/codec/deflate.ts',
  'idb-keyval': 'adapters/indexeddb/',
}

/** What breaks the direction of imports, one line each. `entries` are the files behind the public names. */
export function faultsOf(sources: Sources, entries: readonly string[]): readonly string[] {
  const graph = graphOf(sources)
  const faults = circlesOf(graph).map(circle => `circle: ${circle.join(' -> ')}`)
  for (const [from, imports] of graph) {
    if (from.startsWith('src/') && floorOf(from) < 0) faults.push(`${from} has no floor`)
    for (const to of imports) {
      const fault = faultOf(from, to, entries)
      if (fault !== undefined) faults.push(`${from} imports ${to}: ${fault}`)
      else if (isLocal(to) && to.endsWith('.ts') && !sources.has(to))
        faults.push(`${from} imports ${to}: not there`)
    }
  }
  return faults
}

function graphOf(sources: Sources): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...sources].map(([path, text]) => [
      path,
      importsOf(path, text).map(specifier =>
        specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier,
      ),
    ]),
  )
}

function faultOf(from: string, to: string, entries: readonly string[]): string | undefined {
  if (from.startsWith('demo/')) return faultOfPage(to)
  if (to.startsWith('node:')) return isForNode(from) ? undefined : 'only adapters/node and cli know Node'
  // The built command's own manifest: a file that it reads, two folders above dist/node and dist/cli.
  if (from === 'cli/version.ts' && to === '../package.json') return undefined
  if (!isLocal(to)) return faultOfPackage(from, to)
  if (from.startsWith('src/')) return faultOfCore(from, to)
  if (from.startsWith('adapters/')) return faultOfAdapter(from, to)
  if (from.startsWith('cli/'))
    return inside('cli/', to) || entries.includes(to) ? undefined : 'the command uses public names only'
  return inside('test/suites/', to) || inside('src/', to) ? undefined : 'the suites stand on src alone'
}

function faultOfPage(to: string): string | undefined {
  if (/^ocidir(\/[a-z]+)?$/.test(to) || inside('demo/', to)) return undefined
  if (to.startsWith('/') || to.startsWith('virtual:')) return undefined
  return 'the page uses public names only'
}

function faultOfPackage(from: string, to: string): string | undefined {
  const room = packages[to]
  if (room === undefined) return 'not a dependency of the library'
  return from.startsWith(room) ? undefined : `${to} belongs to ${room}`
}

function faultOfCore(from: string, to: string): string | undefined {
  if (!inside('src/', to)) return 'src imports nothing outside of it'
  if (to === 'src/index.ts') return 'nothing in src imports the door'
  return floorOf(to) > floorOf(from)
    ? `upwards, from ${floorNames[floorOf(from)]} to ${floorNames[floorOf(to)]}`
    : undefined
}

function faultOfAdapter(from: string, to: string): string | undefined {
  // A thread's script is a program of its own: it puts the core's work and the platform's pieces together.
  if (from === 'adapters/node/thread.ts' && to === 'src/perform.ts') return undefined
  if (inside('src/', to)) return floorOf(to) === 0 ? undefined : 'adapters import the ground alone'
  return mediumOf(from) === mediumOf(to) ? undefined : 'adapters never import each other'
}

function floorOf(path: string): number {
  const name = path.replace(/^src\//, '').replace(/\.ts$/, '')
  const room = name.includes('/') ? name.slice(0, name.indexOf('/') + 1) : name
  return floorNames.findIndex(floor => floors[floor]?.includes(room))
}

function mediumOf(path: string): string {
  return path.split('/').slice(0, 2).join('/')
}

function isForNode(path: string): boolean {
  return inside('adapters/node/', path) || inside('cli/', path)
}

function inside(folder: string, path: string): boolean {
  return path.startsWith(folder)
}

function isLocal(path: string): boolean {
  return /^(src|adapters|cli|demo|test)\//.test(path)
}

/** Every circle that a walk from each file finds, each told once. */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const circles: string[][] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) circles.push([...trail.slice(start), path])
    if (start >= 0 || done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return circles
}
