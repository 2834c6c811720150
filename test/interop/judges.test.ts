import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { folder, readFolder } from '../../adapters/node/index.ts'
import { type Codec, identity } from '../../src/codec/codec.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { zstd } from '../../src/codec/zstd.ts'
import { files } from '../../src/files/index.ts'
import { fsck } from '../../src/fsck.ts'
import { configure, draft, pushLayer } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { Image } from '../../src/resolve.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { entriesOf, readTar } from '../../src/tar/index.ts'
import { serveRegistry } from '../setup/registry.ts'
import { tool } from '../setup/tools.ts'
import { listing } from './listing.ts'

const run = promisify(execFile)
let work = ''
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'ocidir-judges-'))
})
afterAll(() => rm(work, { recursive: true, force: true }))

/** Writes files (and `-> target` symlinks) into a new folder. */
async function tree(content: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(work, 'tree-'))
  for (const [path, text] of Object.entries(content)) {
    await mkdir(join(root, path, '..'), { recursive: true })
    if (text.startsWith('-> ')) await symlink(text.slice(3), join(root, path))
    else await writeFile(join(root, path), text)
  }
  return root
}

const base = {
  'etc/os-release': 'NAME=ocidir\n',
  'etc/old/a': 'a',
  'etc/old/b': 'b',
  'usr/bin/tool': '#!/bin/sh\n',
  'usr/lib/link': '-> ../bin/tool',
  'var/ä ö/ü': 'utf-8',
  big: 'x'.repeat(700_000),
  empty: '',
}
const change = {
  'etc/.wh.old': '',
  'etc/new': 'new',
  'var/.wh..wh..opq': '',
  'var/kept': 'kept',
  'usr/bin/tool': '#!/bin/true\n',
}
const stacked = [
  'big',
  'empty',
  'etc',
  'etc/new',
  'etc/os-release',
  'usr',
  'usr/bin',
  'usr/bin/tool',
  'usr/lib',
  'usr/lib/link',
  'var',
  'var/kept',
]

async function build(dir: OciDir<StorageAdapter>, codec: Codec, tag: string, on?: Image): Promise<Image> {
  let image = draft(on ?? { os: 'linux', architecture: 'amd64' })
  for (const content of [base, change]) {
    const layer = await dir.writeLayer(entriesOf(readFolder(await tree(content)), { mtime: 1_700_000_000 }), {
      codec,
    })
    image = pushLayer(image, layer, { createdBy: 'test' })
  }
  return dir.writeImage(
    configure(image, { Cmd: ['/usr/bin/tool'], Env: ['A=1'] }, { created: '2026-01-01T00:00:00Z' }),
    { tag },
  )
}

async function ours(image: Image): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const file of (await files(image, { digests: true, codecs: [gzip(), zstd()] })).entries()) {
    const mode = file.mode.toString(8)
    if (file.type === 'symlink') found[file.path] = `symlink ${file.linkname}`
    else if (file.type === 'directory') found[file.path] = `directory ${mode}`
    else found[file.path] = `file ${mode} ${file.sha256}`
  }
  return found
}

describe.each([
  ['gzip', gzip()] as const,
  ['gzip-2', gzip({ deflate: 'zlib' })] as const,
  ['zstd', zstd()] as const,
  ['plain', identity] as const,
])('an image of ours, %s layers', (name, codec) => {
  let layout = ''
  let image: Image
  beforeAll(async () => {
    layout = await mkdtemp(join(work, `${name}-`))
    image = await build(await OciDir.ensure(folder(layout)), codec, 'app')
  })

  it('is sound, and stacks as it should', async () => {
    expect(await fsck(folder(layout))).toMatchObject({ ok: true, findings: [] })
    expect(Object.keys(await ours(image)).sort()).toEqual(stacked)
  })

  it('is inspected by skopeo with the same digests', async () => {
    const { stdout } = await run(tool('skopeo'), ['inspect', `oci:${layout}:app`])
    expect(JSON.parse(stdout)).toMatchObject({
      Digest: image.descriptor.digest,
      Layers: image.manifest.value.layers.map(({ digest }) => digest),
      Architecture: 'amd64',
      Env: ['A=1'],
      Created: '2026-01-01T00:00:00Z',
    })
  })

  it('is unpacked by skopeo to the tars of its diffIDs', async () => {
    const to = join(work, `dir-${name}`)
    const way = ['copy', '--dest-decompress', `oci:${layout}:app`, `dir:${to}`]
    await run(tool('skopeo'), way)
    const { layers } = JSON.parse(await readFile(join(to, 'manifest.json'), 'utf8'))
    const found = layers.map(({ digest }: { digest: string }) => digest)
    expect(found).toEqual(image.config.value.rootfs.diff_ids)
    for (const digest of found) {
      const tar = await readFile(join(to, digest.slice('sha256:'.length)))
      expect(`sha256:${createHash('sha256').update(tar).digest('hex')}`).toBe(digest)
    }
  })

  it('is unpacked by umoci to the same files', async () => {
    const bundle = join(work, `bundle-${name}`)
    const unpacked = run(tool('umoci'), ['unpack', '--rootless', '--image', `${layout}:app`, bundle])
    // Debian's umoci (0.4.7) knows no zstd; whoever finds that another does gets its tree compared.
    if (name === 'zstd' && (await unpacked.catch(error => String(error))).toString().includes('mediatype'))
      return
    await unpacked
    expect(await listing(join(bundle, 'rootfs'))).toEqual(await ours(image))
  })

  it('is pushed by crane to a registry and pulled from it, whole', async () => {
    const registry = await serveRegistry()
    try {
      const single = await mkdtemp(join(work, 'single-'))
      // crane pushes a whole layout, so it gets one that has nothing else.
      const dir = await OciDir.ensure(folder(single))
      await dir.writeImage(draft(image))
      const pushed = `${registry.address}/app:1`
      await run(tool('crane'), ['push', '--insecure', single, pushed])
      // crane's validate takes every layer for gzip; what it pulled is checked by our fsck below.
      if (name.startsWith('gzip')) await run(tool('crane'), ['validate', '--insecure', '--remote', pushed])
      const pulled = join(work, `pulled-${name}`)
      await run(tool('crane'), ['pull', '--insecure', '--format', 'oci', pushed, pulled])
      expect(await fsck(folder(pulled))).toMatchObject({ ok: true, validated: 4 })
      const { stdout } = await run(tool('crane'), ['manifest', '--insecure', pushed])
      expect(JSON.parse(stdout).layers).toEqual(JSON.parse(JSON.stringify(image.manifest.value.layers)))
      const { stdout: digest } = await run(tool('crane'), ['digest', '--insecure', pushed])
      expect(digest.trim()).toBe((await dir.openImage()).descriptor.digest)
    } finally {
      await registry.stop()
    }
  })
})

it('an image on a base that another tool made is read by skopeo and umoci', async () => {
  const from = await mkdtemp(join(work, 'fixture-'))
  await unpackTar(new URL('../fixtures/umoci-raw/umoci-raw.tar', import.meta.url).pathname, from)
  const source = await OciDir.open(folder(from))
  const [tag] = await source.tags()
  const onto = await source.openImage(tag?.tag)
  const layout = await mkdtemp(join(work, 'onbase-'))
  const dir = await OciDir.ensure(folder(layout))
  const app = await build(dir, gzip(), 'app', onto)
  expect(await fsck(folder(layout))).toMatchObject({ ok: true })
  const { stdout } = await run(tool('skopeo'), ['inspect', `oci:${layout}:app`])
  expect(JSON.parse(stdout).Layers).toEqual(app.manifest.value.layers.map(({ digest }) => digest))
  const bundle = join(work, 'bundle-onbase')
  await run(tool('umoci'), ['unpack', '--rootless', '--image', `${layout}:app`, bundle])
  const unpacked = await listing(join(bundle, 'rootfs'))
  for (const path of stacked) expect(Object.keys(unpacked)).toContain(path)
  expect(Object.keys(unpacked).sort()).toEqual(Object.keys(await ours(app)).sort())
})

async function unpackTar(path: string, to: string): Promise<void> {
  for await (const entry of readTar(await readFile(path))) {
    const target = join(to, entry.path)
    if (entry.type === 'directory') await mkdir(target, { recursive: true })
    if (entry.type !== 'file') continue
    await mkdir(join(target, '..'), { recursive: true })
    const chunks: Uint8Array[] = []
    for await (const chunk of entry.body) chunks.push(chunk.slice())
    await writeFile(target, Buffer.concat(chunks))
  }
}
