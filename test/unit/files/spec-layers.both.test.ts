/** The specification's rules for layers, each by its id. */

import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { files, rowOf } from '../../../src/files/index.ts'
import { fsck } from '../../../src/fsck.ts'
import { draft, pushLayer } from '../../../src/image.ts'
import { layerType } from '../../../src/media-types.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { mediaTypes } from '../../../src/spec.ts'
import { chunksOf, collect } from '../../../src/streams.ts'
import { entriesOf, readTar, type TarEntry, writeTar } from '../../../src/tar/index.ts'
import { imageOf, show, stack, utf8 } from './samples.ts'

describe('layer.md', () => {
  it('M6: tar, tar+gzip, tar+zstd and their deprecated twins are layers, of Docker too', () => {
    const compressionOf = (mediaType: string) => layerType(mediaType)?.compression
    expect([mediaTypes.layer, mediaTypes.foreignLayer, mediaTypes.dockerLayer].map(compressionOf)).toEqual(
      Array(3).fill('none'),
    )
    const gzipped = [mediaTypes.layerGzip, mediaTypes.foreignLayerGzip, mediaTypes.dockerLayerGzip]
    expect(gzipped.map(compressionOf)).toEqual(Array(3).fill('gzip'))
    expect([mediaTypes.layerZstd, mediaTypes.foreignLayerZstd].map(compressionOf)).toEqual(['zstd', 'zstd'])
    expect(layerType('application/x-tar')).toBeUndefined()
  })

  it('T1: no layer that is made has a path twice', async () => {
    const node = { path: 'a', kind: 'file', size: 0, stream: () => new Blob([]).stream() } as const
    const twice = collect(entriesOf([node, node]).tar(), { max: 10_000 })
    await expect(twice).rejects.toMatchObject({ code: 'ENTRY_INVALID' })
  })

  it('T2: times, owners, modes, xattrs and links are kept', async () => {
    const attributes = { mtime: 1_700_000_000, uid: 1_000, gid: 2_000_000, uname: 'me', gname: 'us' }
    const xattrs = new Map([['security.capability', Uint8Array.of(1, 0, 0, 2)]])
    const tree = await stack([
      [
        { line: 'f=text', mode: 0o4755, xattrs, ...attributes },
        'l -> ../f',
        'h => f',
        { line: 'd/', mode: 0o1777 },
      ],
    ])
    const rows = new Map(Array.from(tree.entries(), file => [file.path, rowOf(file)]))
    expect(rows.get('f')).toMatchObject({ mode: '4755', mtime: 1_700_000_000, uid: 1_000, gid: 2_000_000 })
    expect(rows.get('f')).toMatchObject({ xattrs: { 'security.capability': 'AQAAAg==' } })
    // uname and gname say nothing: names are another system's business.
    expect(Object.keys(rows.get('f') ?? {})).not.toContain('uname')
    expect(rows.get('l')).toMatchObject({ type: 'symlink', linkname: '../f' })
    expect(rows.get('h')).toMatchObject({ type: 'hardlink', linkname: 'f' })
    expect(rows.get('d')).toMatchObject({ type: 'directory', mode: '1777' })
  })

  it('T3: nothing is written as a sparse file, zeros and what was sparse neither', async () => {
    const size = 1_048_576
    const sparse = [{ path: 'zeros', size, body: new Uint8Array(size) }]
    for await (const { typeflag, pax, sparse: parts } of readTar(writeTar(sparse))) {
      expect([typeflag, parts, [...pax.keys()].filter(key => key.startsWith('GNU.sparse'))]).toEqual([
        '0',
        undefined,
        [],
      ])
    }
  })

  it('T4: of two folders the upper attributes count; of anything else the lower is removed first', async () => {
    const tree = await stack([
      ['d/', 'd/x=1', { line: 'f=old', xattrs: new Map([['user.k', utf8('v')]]) }, 'g/', 'g/y=1'],
      [{ line: 'd/', mode: 0o700 }, 'f=new', 'g=file'],
    ])
    expect(await show(tree)).toEqual(['d/', 'd/x=1', 'f=new', 'g=file'])
    const rows = Array.from(tree.entries(), rowOf)
    expect(rows.find(({ path }) => path === 'd')).toMatchObject({ mode: '0700' })
    expect(rows.find(({ path }) => path === 'f')).not.toHaveProperty('xattrs')
  })

  it('T5: both whiteouts hide what is below them alone, wherever they stand, and one of nothing is refused', async () => {
    const lower = ['d/', 'd/a=1', 'd/b=1', 'e/', 'e/c=1']
    const upper = ['d/a=2', 'd/.wh.a', 'e/new=2', 'e/.wh..wh..opq']
    for (const layer of [upper, [...upper].reverse()]) {
      expect(await show(await stack([lower, layer]))).toEqual(['d/', 'd/a=2', 'd/b=1', 'e/', 'e/new=2'])
    }
    await expect(stack([lower, ['d/.wh.']])).rejects.toMatchObject({ code: 'TAR_INVALID' })
  })

  it('T6: the records of a Windows layer survive, and its files stand where they stand', async () => {
    const records: readonly [string, string][] = [
      ['LIBARCHIVE.creationtime', '1700000000.1234567'],
      ['MSWINDOWS.fileattr', '32'],
      ['MSWINDOWS.rawsd', 'AQAUgBQAAAAkAAAA'],
    ]
    const pax = new Map(records.map(([key, value]) => [key, utf8(value)]))
    const lines = ['Files/', { line: 'Files/Windows/a.dll=x', pax }, 'Hives/', 'Hives/System_Delta=y']
    const image = await imageOf([lines], { codec: gzip() })
    const [layer] = image.manifest.value.layers
    if (layer === undefined) throw new Error('no layer')
    const dir = await OciDir.open(image.layout.storage)
    const tar = await dir.readLayer(layer, { codecs: [gzip()] })
    const again: Pick<TarEntry, 'path' | 'pax'>[] = []
    for await (const { path, pax } of readTar(writeTar(readTar(chunksOf(tar))))) again.push({ path, pax })
    const found = again.find(({ path }) => path.endsWith('a.dll'))
    expect([...(found?.pax ?? [])].filter(([key]) => pax.has(key))).toEqual([...pax])
    const shown = await show(await files(image))
    expect(shown).toContain('Files/Windows/a.dll=x')
    expect(shown).toContain('Hives/System_Delta=y')
  })

  it('T7: a nondistributable layer is read like any other, and urls alone make none', async () => {
    const dir = await OciDir.ensure(memory())
    const layer = await dir.writeLayer(writeTar([{ path: 'a' }]), { mediaType: mediaTypes.foreignLayer })
    const image = await dir.writeImage(pushLayer(draft({ os: 'linux', architecture: 'amd64' }), layer))
    expect((await files(image)).find('a')?.type).toBe('file')
    const absent = { digest: `sha256:${'1'.repeat(64)}`, size: 9, urls: ['https://example.com/x'] } as const
    const insert = (mediaType: string) =>
      dir.insertManifest({ ...image.manifest.value, layers: [{ ...absent, mediaType }] })
    // It needn't be here; one of the common type must be, whatever its urls.
    await insert(mediaTypes.foreignLayerGzip)
    const { findings } = await fsck(dir.storage)
    expect(findings.map(({ severity, code }) => `${severity} ${code}`)).toEqual(['info FOREIGN_LAYER_ABSENT'])
    await expect(insert(mediaTypes.layerGzip)).rejects.toMatchObject({ code: 'BLOB_MISSING' })
  })
})
