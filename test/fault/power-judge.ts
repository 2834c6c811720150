/** What a layout must be after the power has failed, told by nothing of the library. */

import { createHash } from 'node:crypto'
import type { Op } from './power-disk.ts'
import type { Mark } from './power-record.ts'

type Files = ReadonlyMap<string, Uint8Array>

/** What is wrong with a layout. */
export interface Verdict {
  /** What no durability allows: index.json neither old nor new, or what it reaches not whole. */
  readonly corrupt: readonly string[]
  /** Blobs that nothing names, under a digest that isn't theirs. */
  readonly unnamed: readonly string[]
  /** What was acknowledged, and isn't there. */
  readonly forgotten: readonly string[]
}

/** Judges one layout, of which so many calls came before the crash. */
export function judge(
  files: Files,
  {
    layout,
    ops,
    at,
    versions,
  }: {
    readonly layout: string
    readonly ops: readonly Op<Mark>[]
    readonly at: number
    readonly versions: ReadonlySet<string>
  },
): Verdict {
  const corrupt: string[] = []
  const read = (path: string): Uint8Array | undefined => files.get(`${layout}/${path}`)
  const index = read('index.json')
  if (index !== undefined && !versions.has(text(index))) corrupt.push('index.json is neither old nor new')
  const entries = corrupt.length === 0 && index !== undefined ? JSON.parse(text(index)).manifests : []
  if (entries.length > 0 && text(read('oci-layout')) !== '{"imageLayoutVersion":"1.0.0"}')
    corrupt.push('oci-layout is missing')
  const reached = new Set<string>()
  for (const entry of entries) corrupt.push(...below(entry, read, reached))
  return {
    corrupt,
    unnamed: wrongBlobs(files, layout).filter(hex => !reached.has(`sha256:${hex}`)),
    forgotten: forgotten({ index, entries, read }, marksOf(ops, { layout, at })),
  }
}

interface Entry {
  readonly digest: string
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
}

type Read = (path: string) => Uint8Array | undefined

function below(entry: Entry, read: Read, reached: Set<string>): string[] {
  const manifest = whole(entry, read, reached)
  if (manifest === undefined) return [`the manifest ${entry.digest} isn't whole`]
  const { config, layers } = JSON.parse(text(manifest))
  return [config, ...layers]
    .filter(blob => whole(blob, read, reached) === undefined)
    .map(({ digest }) => `${digest} isn't whole`)
}

function whole({ digest, size }: Entry, read: Read, reached: Set<string>): Uint8Array | undefined {
  reached.add(digest)
  const bytes = read(`blobs/${digest.replace(':', '/')}`)
  return bytes?.length === size && digest === `sha256:${sha256(bytes)}` ? bytes : undefined
}

function wrongBlobs(files: Files, layout: string): string[] {
  const wrong: string[] = []
  const folder = `${layout}/blobs/sha256/`
  for (const [path, bytes] of files) {
    if (path.startsWith(folder) && path.slice(folder.length) !== sha256(bytes))
      wrong.push(path.slice(folder.length))
  }
  return wrong
}

/** What had been acknowledged before the crash, and what the calls in hand may have done instead. */
interface Marks {
  made: boolean
  readonly blobs: Set<string>
  readonly tags: Map<string, (string | undefined)[]>
}

function marksOf(ops: readonly Op<Mark>[], { layout, at }: { layout: string; at: number }): Marks {
  const marks: Marks = { made: false, blobs: new Set(), tags: new Map() }
  const inHand = new Set<string>()
  for (const [i, op] of ops.entries()) {
    if (op.do !== 'mark' || op.mark.layout !== layout) continue
    const { mark } = op
    if (mark.is === 'tag' && i >= at && !inHand.has(mark.tag)) {
      inHand.add(mark.tag)
      marks.tags.set(mark.tag, [...(marks.tags.get(mark.tag) ?? [undefined]), mark.digest])
    }
    if (i >= at) continue
    if (mark.is === 'made') marks.made = true
    if (mark.is === 'blob') marks.blobs.add(mark.digest)
    if (mark.is === 'collecting') marks.blobs.clear()
    if (mark.is === 'tag') marks.tags.set(mark.tag, [mark.digest])
    if (mark.is === 'doubt') marks.tags.get(mark.tag)?.push(undefined)
  }
  return marks
}

function forgotten(
  { index, entries, read }: { index: Uint8Array | undefined; entries: readonly Entry[]; read: Read },
  { made, blobs, tags }: Marks,
): string[] {
  const missing: string[] = []
  if (made && (index === undefined || read('oci-layout') === undefined)) missing.push('the layout itself')
  for (const digest of blobs) {
    const bytes = read(`blobs/${digest.replace(':', '/')}`)
    if (bytes === undefined || digest !== `sha256:${sha256(bytes)}`) missing.push(`blob ${digest}`)
  }
  for (const [tag, allowed] of tags) {
    const found = entries.find(
      ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === tag,
    )
    if (!allowed.includes(found?.digest))
      missing.push(`tag ${tag}: ${found?.digest} instead of ${allowed.join(' or ')}`)
  }
  return missing
}

const hashes = new WeakMap<Uint8Array, string>()

function sha256(bytes: Uint8Array): string {
  const known = hashes.get(bytes) ?? createHash('sha256').update(bytes).digest('hex')
  hashes.set(bytes, known)
  return known
}

function text(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes)
}
