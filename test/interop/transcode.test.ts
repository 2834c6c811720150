/** Images of other tools in another compression: other tools read the same files, and make the same layers of them. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { type Codec, identity } from '../../src/codec/codec.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { zstd } from '../../src/codec/zstd.ts'
import { layerCheck } from '../../src/deep/index.ts'
import { fsck } from '../../src/fsck.ts'
import { layersOf } from '../../src/image.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { transcode } from '../../src/transcode/transcode.ts'
import { serveRegistry } from '../setup/registry.ts'
import { tool } from '../setup/tools.ts'
import { expectedOf, filesOf, onDisk } from './fixture-layouts.ts'
import { listing } from './listing.ts'

const run = promisify(execFile)
let work = ''
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'ocidir-transcode-'))
})
afterAll(() => rm(work, { recursive: true, force: true }))

const codecs = [gzip(), zstd()]

/** A fixture on disk, under the name `t`, and the same in another compression beside it. */
async function both(name: string, codec: Codec): Promise<{ source: string; target: string }> {
  const root = await mkdtemp(join(work, `${name}-`))
  const [source, target] = [join(root, 'source'), join(root, 'target')]
  await onDisk(await filesOf(`${name}/${name}`), source)
  const dir = await OciDir.open(folder(source))
  const [entry] = (await dir.readIndex()).value.manifests
  if (entry === undefined) throw new Error(`${name} lists nothing`)
  await dir.tag(entry, 't')
  await transcode(dir, await OciDir.ensure(folder(target)), { refs: ['t'], codec, codecs, recompress: true })
  return { source, target }
}

async function findingsIn(path: string): Promise<string[]> {
  const { findings } = await fsck(folder(path), { deep: layerCheck() })
  return findings.filter(({ severity }) => severity !== 'info').map(({ code }) => code)
}

async function diffIdsIn(path: string): Promise<string[][]> {
  const found: string[][] = []
  for await (const image of (await OciDir.open(folder(path))).images('t'))
    found.push(layersOf(image).map(({ diffId }) => diffId))
  return found
}

async function layersIn(path: string): Promise<string[][]> {
  const found: string[][] = []
  for await (const { manifest } of (await OciDir.open(folder(path))).images('t'))
    found.push(manifest.value.layers.map(({ digest }) => digest))
  return found
}

describe.each([['gzip', gzip({ level: 1 })] as const, ['plain', identity] as const])(
  'to %s',
  (compression, codec) => {
    it.each(['rs-zstd', 'skopeo-zstd', 'rs-gzip', 'rs-none', 'buildah-commit', 'umoci-raw'])(
      '%s is inspected by skopeo, and unpacked by umoci to the files that are in it',
      async name => {
        const { source, target } = await both(name, codec)
        expect(await findingsIn(target)).toEqual(await findingsIn(source))
        expect(await diffIdsIn(target)).toEqual(await diffIdsIn(source))
        const { stdout } = await run(tool('skopeo'), ['inspect', `oci:${target}:t`])
        expect(JSON.parse(stdout).Layers).toEqual((await layersIn(target))[0])
        const bundle = join(target, '../bundle')
        await run(tool('umoci'), ['unpack', '--rootless', '--image', `${target}:t`, bundle])
        const unpacked = Object.entries(await listing(join(bundle, 'rootfs')))
        const { files = {} } = (await expectedOf(name)).images[0] ?? {}
        expect(unpacked.map(([path]) => path).sort()).toEqual(Object.keys(files).sort())
        const digests = unpacked.filter(([, line]) => line.startsWith('file '))
        expect(digests.length).toBeGreaterThan(0)
        for (const [path, line] of digests)
          expect([path, line.split(' ')[2]]).toEqual([path, files[path]?.sha256])
      },
    )

    it.each(['crane-multiarch', 'regctl-multiarch', 'oras-multiarch'])(
      '%s goes by crane into a registry, and has there the layers that it had here',
      async name => {
        const { target } = await both(name, codec)
        expect(await findingsIn(target)).toEqual([])
        const registry = await serveRegistry()
        try {
          const pushed = `${registry.address}/app:1`
          await run(tool('crane'), ['push', '--insecure', target, pushed])
          // crane's validate takes every layer for gzip.
          if (compression === 'gzip') await run(tool('crane'), ['validate', '--insecure', '--remote', pushed])
          const { stdout } = await run(tool('crane'), [
            'manifest',
            '--insecure',
            '--platform',
            'linux/arm64',
            pushed,
          ])
          expect(JSON.parse(stdout).layers.map(({ digest }: { digest: string }) => digest)).toEqual(
            (await layersIn(target))[1],
          )
        } finally {
          await registry.stop()
        }
      },
    )
  },
)

it.each(['crane-multiarch', 'regctl-multiarch', 'oras-multiarch', 'rs-gzip'])(
  '%s has the plain layers that regctl makes of it, and unlike there the configs that it had',
  async name => {
    const { source, target } = await both(name, identity)
    await run(tool('regctl'), [
      'image',
      'mod',
      `ocidir://${source}:t`,
      '--layer-compress',
      'none',
      '--create',
      'theirs',
    ])
    const dir = await OciDir.open(folder(source))
    const ours = await OciDir.open(folder(target))
    const layers: string[][] = []
    for await (const { manifest } of dir.images('theirs'))
      layers.push(manifest.value.layers.map(({ digest }) => digest))
    expect(await layersIn(target)).toEqual(layers)
    const configs = async (dir: OciDir): Promise<string[]> => {
      const found: string[] = []
      for await (const { config } of dir.images('t')) found.push(config.descriptor.digest)
      return found
    }
    expect(await configs(ours)).toEqual(await configs(dir))
  },
)

it.each(['rs-gzip', 'rs-zstd', 'skopeo-zstd'])(
  '%s has the plain layers that skopeo makes of it',
  async name => {
    const { source, target } = await both(name, identity)
    const unpacked = join(source, '../theirs')
    await run(tool('skopeo'), ['copy', '--dest-decompress', `oci:${source}:t`, `dir:${unpacked}`])
    const { layers } = JSON.parse(await readFile(join(unpacked, 'manifest.json'), 'utf8'))
    expect((await layersIn(target))[0]).toEqual(layers.map(({ digest }: { digest: string }) => digest))
  },
)
