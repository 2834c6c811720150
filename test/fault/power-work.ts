/** What is done on a disk whose power will fail: each a workload that says what it was promised, as it goes. */

import { createHash } from 'node:crypto'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FolderStorage } from '../../adapters/node/folder.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { cloneTo, copy } from '../../src/copy/copy.ts'
import { gc } from '../../src/gc.ts'
import { configure, draft, pushLayer } from '../../src/image.ts'
import type { Layer } from '../../src/layer.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { Image } from '../../src/resolve.ts'
import { mediaTypes } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { seeded } from '../golden/inputs.ts'
import { amd64 } from '../unit/core/samples.ts'
import type { Recording } from './power-record.ts'

/** Where a workload runs, and how. */
export interface Site {
  readonly base: string
  readonly recording: Recording
  readonly durability: 'strict' | 'relaxed'
}

/** A layout of a site, whose successes are told to the recording. */
class Told {
  readonly dir: OciDir<StorageAdapter>
  readonly #site: Site
  readonly #layout: string

  constructor(site: Site, layout: string, dir: OciDir<StorageAdapter>) {
    this.#site = site
    this.#layout = layout
    this.dir = dir
  }

  static async ensure(site: Site, layout: string, options: Partial<Ways> = {}): Promise<Told> {
    const told = new Told(site, layout, await OciDir.ensure(storageAt(site, layout, options)))
    told.say({ is: 'made' })
    return told
  }

  say(
    mark:
      | { is: 'made' | 'collecting' }
      | { is: 'blob'; digest: string }
      | { is: 'doubt'; tag: string }
      | Named,
  ): void {
    this.#site.recording.disk.mark({ layout: this.#layout, ...mark })
  }

  async layer(bytes: Uint8Array | string, codec = gzip()): Promise<Layer> {
    const layer = await this.dir.writeLayer(bytes, { codec })
    this.say({ is: 'blob', digest: layer.descriptor.digest })
    return layer
  }

  async image(tag: string, ...layers: readonly Layer[]): Promise<Image> {
    let image = configure(draft(amd64), { Cmd: [tag] })
    for (const layer of layers) image = pushLayer(image, layer)
    const written = await this.dir.writeImage(image, { tag })
    this.named(tag, written.descriptor.digest)
    return written
  }

  async tag(from: string, to: string): Promise<void> {
    this.named(to, (await this.dir.tag(from, to)).digest)
  }

  async untag(tag: string): Promise<void> {
    await this.dir.untag(tag)
    this.named(tag, undefined)
  }

  async copy(from: OciDir, tag: string): Promise<void> {
    const { entries } = await copy(from, this.dir, { refs: [{ tag }] })
    for (const { digest } of entries) this.named(tag, digest)
  }

  async gc(): Promise<void> {
    this.say({ is: 'collecting' })
    await gc(this.dir)
  }

  named(tag: string, digest: string | undefined): void {
    this.say({ is: 'tag', tag, digest })
  }
}

type Named = { is: 'tag'; tag: string; digest: string | undefined }

interface Ways {
  readonly hardLinks: boolean
  readonly clones: boolean
  readonly durability: 'strict' | 'relaxed'
}

function storageAt({ base, durability }: Site, layout: string, options: Partial<Ways>): StorageAdapter {
  const { hardLinks = false, clones = false } = options
  return new FolderStorage(
    join(base, layout),
    { durability: options.durability ?? durability, hardLinks },
    // A disk that clones blocks, as far as one without can play it.
    { ...(clones && { clone: (from, to) => copyFile(from, to) }) },
  )
}

/** The workloads by name. Each runs on a disk of its own. */
export const workloads: Readonly<Record<string, (site: Site) => Promise<void>>> = {
  writes,
  copies,
  disturbed,
  atOnce,
  handedOn,
  goneOnWith,
}

async function writes(site: Site): Promise<void> {
  const told = await Told.ensure(site, 'new/folders/layout')
  const base = await told.layer(seeded(300_000, 1))
  const plain = await told.layer('a plain layer', undefined)
  await told.image('a', base, plain)
  await told.image('b', base, await told.layer(seeded(40_000, 2)))
  await told.tag('a', 'c')
  await told.image('a', await told.layer(seeded(200_000, 3), undefined))
  await told.untag('b')
  await told.gc()
  await told.image('d', base, await told.layer(seeded(40_000, 2)))
  await told.untag('c')
  await told.dir.storage.sweep({ olderThan: 0 })
  await told.gc()
  await told.tag('d', 'd')
  await told.dir.storage.close()
}

async function copies(site: Site): Promise<void> {
  const source = await library(site)
  for (const ways of [{}, { clones: true }, { hardLinks: true }]) {
    const target = await Told.ensure(site, `target ${Object.keys(ways)}`, ways)
    await target.copy(source.dir, 'one')
    await target.copy(source.dir, 'two')
    await target.untag('one')
    await target.gc()
    await target.copy(source.dir, 'one')
    await target.dir.storage.close()
  }
  const clone = storageAt(site, 'clone', {})
  const { entries } = await cloneTo(source.dir, clone)
  const told = new Told(site, 'clone', await OciDir.open(clone))
  told.say({ is: 'made' })
  for (const [i, { digest }] of entries.entries()) told.named(['one', 'two'][i] ?? '', digest)
}

async function library(site: Site): Promise<Told> {
  const source = await Told.ensure(site, 'source')
  const shared = await source.layer(seeded(150_000, 4))
  await source.image('one', shared, await source.layer('one'))
  await source.image('two', shared, await source.layer('two'))
  return source
}

/** Writers that fail, or are killed, between an effect and its sync: what they leave is seen by the next one. */
async function disturbed(site: Site): Promise<void> {
  const source = await library(site)
  const killed = async (folder: string, call: () => Promise<unknown>): Promise<void> => {
    let isKilled = false
    site.recording.onSync = async path => {
      if (path !== folder) return
      isKilled = true
      throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'fsync' })
    }
    await call().catch(() => {})
    site.recording.onSync = async () => {}
    if (!isKilled && site.durability === 'strict') throw new Error(`nobody synced ${folder}`)
  }
  const next = (): Promise<Told> => Told.ensure(site, 'target')
  const first = await next()
  await killed('target/blobs/sha256', () => copy(source.dir, first.dir, { refs: ['one'] }))
  const second = await next()
  await second.copy(source.dir, 'one')
  await killed('target', () => second.dir.tag('one', 'x'))
  const third = await next()
  await third.tag('one', 'x')
  await third.copy(source.dir, 'two')
  third.say({ is: 'doubt', tag: 'two' })
  await killed('target', () => third.dir.untag('two'))
  const fourth = await next()
  await fourth.gc()
  const layer = await fourth.layer('late')
  await killed('target/blobs/sha256', () => fourth.dir.writeLayer('again'))
  await (await next()).image('late', layer, await (await next()).layer('again'))
}

/** Two writers begin a layout at once, on a disk that takes its time. */
async function atOnce(site: Site): Promise<void> {
  site.recording.onSync = async path => {
    if (path === '' || path === 'layout') await new Promise(resolve => setTimeout(resolve, 50))
  }
  const begin = async (i: number): Promise<void> => {
    const told = new Told(site, 'layout', await OciDir.open(storageAt(site, 'layout', {})))
    await told.image(`tag-${i}`, await told.layer(`layer ${i}`))
  }
  const blob = async (i: number): Promise<void> => {
    const storage = storageAt(site, 'layout', {})
    const staged = await storage.stage()
    const writer = staged.writable.getWriter()
    await writer.write(bytesOf(i))
    await writer.close()
    await staged.commit(`blobs/sha256/${sha256(bytesOf(i))}`)
    site.recording.disk.mark({ layout: 'layout', is: 'blob', digest: `sha256:${sha256(bytesOf(i))}` })
  }
  await Promise.all([0, 1, 2].map(blob))
  await Promise.all([0, 1].map(() => Told.ensure(site, 'layout')))
  await Promise.all([0, 1].map(begin))
}

/** Blobs that a relaxed writer has left unnamed are named by one of the kind that is tested. */
async function handedOn(site: Site): Promise<void> {
  const source = await library(site)
  const relaxed = await OciDir.ensure(storageAt(site, 'target', { durability: 'relaxed' }))
  const layer = await relaxed.writeLayer('of a relaxed writer')
  await copy(source.dir, relaxed, { refs: ['one'] })
  await relaxed.untag('one')
  const told = await Told.ensure(site, 'target')
  await told.image('own', layer)
  await told.layer('of a relaxed writer')
  await told.copy(source.dir, 'one')
  await told.copy(source.dir, 'two')
  await told.gc()
}

/** Blobs that one writer leaves half-written, and that the same one, another one, or one that clones blocks goes on with. */
async function goneOnWith(site: Site): Promise<void> {
  const told = await Told.ensure(site, 'layout')
  const own = told.dir.storage
  const others = [own, storageAt(site, 'layout', {}), storageAt(site, 'layout', { clones: true })]
  for (const [i, other] of others.entries()) {
    const bytes = seeded(150_000, 50 + i)
    const digest = `sha256:${sha256(bytes)}` as const
    for (const storage of [own, other]) await writePart(storage, bytes, storage === other && i > 0)
    // The same one twice: it goes on where it left.
    if (i === 0) await writePart(own, bytes, true)
    told.say({ is: 'blob', digest })
    const descriptor = { mediaType: mediaTypes.layer, digest, size: bytes.length }
    await told.image(`part-${i}`, { descriptor, diffId: digest })
  }
}

/** Goes on with a blob: half of what is still missing, or all of it. */
async function writePart(storage: StorageAdapter, bytes: Uint8Array, isLast: boolean): Promise<void> {
  const path = `blobs/sha256/${sha256(bytes)}` as const
  const part = await storage.resume?.(path, { size: bytes.length })
  if (part === undefined) throw new Error('somebody else is at it')
  const writer = part.writable.getWriter()
  const rest = bytes.subarray(part.kept.size)
  await writer.write(isLast ? rest : rest.subarray(0, rest.length >> 1))
  if (!isLast) return part.leave()
  await writer.close()
  await part.commit()
}

const bytesOf = (i: number): Uint8Array => new TextEncoder().encode(`blob ${i}`)
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
