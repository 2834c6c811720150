/** A process that works on a layout until it is killed, telling each step's begin and end. Bundled by `child.ts`. */

import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { memory } from '../../adapters/memory.ts'
import { folder } from '../../adapters/node/index.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { copy } from '../../src/copy/copy.ts'
import { gc } from '../../src/gc.ts'
import { configure, draft, pushLayer } from '../../src/image.ts'
import { editIndex, withEntry } from '../../src/index-json.ts'
import type { Layer } from '../../src/layer.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { DocumentEdit, DocumentPath, StagedFile, StorageAdapter } from '../../src/storage.ts'
import { prng, seeded } from '../golden/inputs.ts'
import { forwarding } from '../suites/forwarding.ts'
import { type CrashJob, type Kind, kinds } from './crash-job.ts'

const job: CrashJob = JSON.parse(process.argv[2] ?? '')
const random = prng(job.seed)
const names = ['a', 'b', 'c', 'd'] as const
let count = 0

tell('ready')
work().catch(error => tell(`failed ${error?.stack}`))

async function work(): Promise<void> {
  const { durability, source } = job
  const dir = await OciDir.open(brokenBy(folder(job.dir, { durability })))
  const sharing = await OciDir.open(folder(job.dir, { durability, hardLinks: true }))
  const library = await OciDir.open(folder(source))
  const scratch = await OciDir.ensure(memory())
  const sources = { one: await digestOf(library, 'one'), two: await digestOf(library, 'two') }
  const base = await prepare({ dir, scratch })
  for (;;) {
    const kind = random() % 4 === 0 ? kinds[random() % kinds.length] : job.aim
    if (kind !== undefined) await step(kind, { dir, sharing, library, scratch, base, sources })
  }
}

interface Dirs {
  readonly dir: OciDir<StorageAdapter>
  readonly sharing: OciDir<StorageAdapter>
  readonly library: OciDir
  /** In memory: what an image's digest will be. */
  readonly scratch: OciDir<StorageAdapter>
  /** The digest of the tag `base`. */
  readonly base: string
  /** Those of the library's tags. */
  readonly sources: { readonly one: string; readonly two: string }
}

/** Something to name, so that each kind can begin at once. */
async function prepare({ dir, scratch }: Pick<Dirs, 'dir' | 'scratch'>): Promise<string> {
  const there = await digestOf(dir, 'base')
  if (there !== 'none') return there
  return newImage({ dir, scratch }, 'base', 'base')
}

async function step(kind: Kind, { dir, sharing, library, scratch, base, sources }: Dirs): Promise<void> {
  const tag = names[random() % names.length] ?? 'a'
  if (job.broken === 'names first') return nameFirst(dir, tag)
  switch (kind) {
    case 'layer':
      return told(
        kind,
        untagged,
        async () => (await dir.writeLayer(bytes(), { codec: gzip() })).descriptor.digest,
      )
    case 'plain':
      return told(kind, untagged, async () => (await dir.writeLayer(bytes())).descriptor.digest)
    case 'image':
      await newImage({ dir, scratch }, tag, `layer ${random()}`)
      return
    case 'tag':
      return told(kind, { tag, foretold: base }, async () => (await dir.tag('base', tag)).digest)
    case 'untag':
      await told('tag', { tag, foretold: base }, async () => (await dir.tag('base', tag)).digest)
      return told(kind, { tag, foretold: 'none' }, () => removed(dir, tag))
    case 'copy':
    case 'adopt': {
      // Again what was collected: blobs move, and not only names.
      await told('untag', { tag, foretold: 'none' }, () => removed(dir, tag))
      await told('gc', untagged, () => collect(dir))
      const ref = random() % 2 === 0 ? 'one' : 'two'
      const call = async (): Promise<string> => {
        const { entries } = await copy(library, kind === 'copy' ? dir : sharing, { refs: [ref], as: tag })
        return entries[0]?.digest ?? 'none'
      }
      return told(kind, { tag, foretold: sources[ref] }, call)
    }
    case 'gc':
      await told(
        'plain',
        untagged,
        async () => (await dir.writeLayer(`garbage ${random()}`)).descriptor.digest,
      )
      return told(kind, untagged, () => collect(dir))
    case 'sweep':
      await told('stage', untagged, async () => {
        for (let i = 0; i < 20; i++) await dir.storage.stage()
        return '-'
      })
      return told(kind, untagged, async () => {
        await dir.storage.sweep({ olderThan: 0 })
        return '-'
      })
  }
}

/** What a step will change. */
interface Change {
  /** `-` where no tag is changed. */
  readonly tag: string
  /** What the tag will name: `none` where it will be gone. */
  readonly foretold?: string | undefined
}

const untagged: Change = { tag: '-' }

async function told(
  kind: Kind | 'stage',
  { tag, foretold = '-' }: Change,
  call: () => Promise<string>,
): Promise<void> {
  tell(`begin ${kind} ${tag} ${foretold}`)
  tell(`done ${kind} ${tag} ${await call()}`)
}

async function digestOf(dir: Pick<OciDir, 'tags'>, tag: string): Promise<string> {
  return (await dir.tags()).find(found => found.tag === tag)?.descriptor.digest ?? 'none'
}

async function removed(dir: OciDir<StorageAdapter>, tag: string): Promise<string> {
  if ((await dir.tags()).some(found => found.tag === tag)) await dir.untag(tag)
  return 'none'
}

async function collect(dir: OciDir<StorageAdapter>): Promise<string> {
  await gc(dir, { sweepOlderThan: 0 })
  return '-'
}

/** Writes a layer of this text, and as a step an image of it. */
async function newImage(
  { dir, scratch }: Pick<Dirs, 'dir' | 'scratch'>,
  tag: string,
  text: string,
): Promise<string> {
  const command = String(random())
  const layer = await scratch.writeLayer(text)
  const foretelling = image(scratch, tag, { layer, command })
  await told('plain', untagged, async () => {
    // Meanwhile, for a kill between steps shows nothing.
    const [written] = await Promise.all([dir.writeLayer(text), foretelling])
    return written.descriptor.digest
  })
  const foretold = await foretelling
  await told('image', { tag, foretold }, () => image(dir, tag, { layer, command }))
  return foretold
}

async function image(
  dir: OciDir<StorageAdapter>,
  tag: string,
  { layer, command }: { layer: Layer; command: string },
): Promise<string> {
  const made = configure(draft({ os: 'linux', architecture: 'amd64' }), { Cmd: [command] })
  return (await dir.writeImage(pushLayer(made, layer), { tag })).descriptor.digest
}

/** 20 to 350 KB, never the same twice. */
function bytes(): Uint8Array {
  return seeded(20_000 + (random() % 330_000), job.seed * 1000 + count++)
}

function tell(line: string): void {
  writeSync(1, `${line}\n`)
}

/** Names an image, then writes what it needs. */
async function nameFirst(dir: OciDir<StorageAdapter>, tag: string): Promise<void> {
  const layer = bytes()
  const config = json({
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
  })
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: described('application/vnd.oci.image.config.v1+json', config),
    layers: [described('application/vnd.oci.image.layer.v1.tar', layer)],
  })
  const entry = described('application/vnd.oci.image.manifest.v1+json', manifest)
  const call = async (): Promise<string> => {
    await editIndex(dir, index => withEntry(index, entry, tag))
    for (const blob of [manifest, config, layer]) await dir.writeBlob(blob)
    return entry.digest
  }
  await told('image', { tag, foretold: entry.digest }, call)
}

const json = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const hex = (blob: Uint8Array): string => createHash('sha256').update(blob).digest('hex')
const digest = (blob: Uint8Array): `sha256:${string}` => `sha256:${hex(blob)}`
const described = (mediaType: string, blob: Uint8Array) => ({
  mediaType,
  digest: digest(blob),
  size: blob.length,
})

/** The storage, or one that a careless program would write. */
function brokenBy(storage: StorageAdapter): StorageAdapter {
  if (job.broken === 'in place') return forwarding(storage, { update: updateInPlace })
  if (job.broken === 'direct') return forwarding(storage, { stage: async () => stagedNowhere() })
  return storage
}

async function updateInPlace(path: DocumentPath, edit: DocumentEdit): Promise<void> {
  const name = join(job.dir, path)
  const next = edit(await readFile(name))
  if (next !== undefined) await writePieces(name, next, 64)
}

async function writePieces(name: string, bytes: Uint8Array, size: number): Promise<void> {
  const handle = await open(name, 'w')
  for (let at = 0; at < bytes.length; at += size) await handle.write(bytes.subarray(at, at + size))
  await handle.close()
}

function stagedNowhere(): StagedFile {
  const chunks: Uint8Array[] = []
  return {
    writable: new WritableStream({
      write(chunk) {
        chunks.push(chunk.slice())
      },
    }),
    async commit(path) {
      await writePieces(join(job.dir, path), Buffer.concat(chunks), 4096)
      return 'written'
    },
    async discard() {},
  }
}
