import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { gzip } from '../../../src/codec/gzip.ts'
import { isOciError } from '../../../src/errors.ts'
import { files, rowOf } from '../../../src/files/index.ts'
import { draft, layersOf, pushLayer } from '../../../src/image.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import { collect } from '../../../src/streams.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { imageOf, show, stack, tarOf, utf8 } from './samples.ts'

const decoded = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'fulfilled',
    error => (isOciError(error) ? error.code : error),
  )
}

describe('find', () => {
  const layers = [
    ['etc/', 'etc/os-release -> ../usr/lib/os-release', 'usr/', 'usr/lib/', 'usr/lib/os-release=deb'],
    [
      'lib -> usr/lib',
      'abs -> /usr/lib',
      'up -> ../../../../etc',
      'loop -> loop',
      'a -> b',
      'b -> a',
      'dead -> x/y',
    ],
  ]

  it('gives a symlink as it is, and nothing below it', async () => {
    const tree = await stack(layers)
    expect(tree.find('etc/os-release')).toMatchObject({ type: 'symlink', layer: 0 })
    expect(tree.find('lib/os-release')).toBeUndefined()
    expect(tree.find('../etc')).toBeUndefined()
  })

  it.each([
    ['etc/os-release', 'usr/lib/os-release'],
    ['/lib/os-release', 'usr/lib/os-release'],
    ['abs/os-release', 'usr/lib/os-release'],
    ['lib', 'usr/lib'],
    ['lib/', 'usr/lib'],
    ['lib/..', 'usr'],
    ['up', 'etc'],
    ['up/os-release', 'usr/lib/os-release'],
    ['../../usr', 'usr'],
    ['', ''],
  ])('follows %s to %s', async (path, target) => {
    expect((await stack(layers)).find(path, { follow: true })?.path).toBe(target)
  })

  it.each(['loop', 'a', 'loop/x', 'dead', 'usr/lib/os-release/x', 'usr/lib/os-release/..', 'none'])(
    'finds nothing at %s',
    async path => {
      expect((await stack(layers)).find(path, { follow: true })).toBeUndefined()
    },
  )

  it('ends a long chain of symlinks, as Linux does, after 40', async () => {
    const chain = Array.from({ length: 45 }, (_, i) => `l${i} -> l${i + 1}`)
    const tree = await stack([[...chain, 'l45=end']])
    expect(tree.find('l5', { follow: true })?.path).toBe('l45')
    expect(tree.find('l4', { follow: true })).toBeUndefined()
  })

  it('lists what is right below a folder', async () => {
    const tree = await stack([['d/', 'd/b=1', 'd/a/', 'd/a/x=1', 'c=1']])
    expect(tree.list('d').map(({ path }) => path)).toEqual(['d/a', 'd/b'])
    expect(tree.list('').map(({ path }) => path)).toEqual(['c', 'd'])
    expect(tree.list('c')).toEqual([])
    expect(tree.list('none')).toEqual([])
  })
})

describe('stream and bytes', () => {
  it('give a file out of the layer that has it, through links', async () => {
    const tree = await stack([
      ['a=base', 'h => a', 's -> h'],
      ['b=top', 'a=new'],
    ])
    expect(await new Response(tree.stream('b')).text()).toBe('top')
    expect(await new Response(tree.stream('a')).text()).toBe('new')
    expect(await new Response(tree.stream('h')).text()).toBe('base')
    expect(await new Response(tree.stream('s')).text()).toBe('base')
    expect(decoded(await tree.bytes('/b'))).toBe('top')
  })

  it('give the entry that was found, not an earlier one of its path', async () => {
    const tree = await stack([['a=first', 'b => a', 'a=second']])
    expect(await show(tree)).toEqual(['a=second', 'b => a=first'])
  })

  it.each([
    ['none', undefined],
    ['d', 'directory'],
    ['loop', 'loop of symlinks'],
    ['h', 'hard link that leads nowhere'],
    ['f', 'fifo'],
  ])('refuse %s: FILE_NOT_FOUND', async (path, found) => {
    const tree = await stack([['d/', 'loop -> loop', 'h => x', { line: 'f=', type: 'fifo' }]])
    const refused = await tree.bytes(path).catch(error => error)
    expect(isOciError(refused, 'FILE_NOT_FOUND') && refused.data).toEqual({ path, ...(found && { found }) })
    expect(() => tree.stream(path)).toThrow()
  })

  it('do not follow symlinks when told not to', async () => {
    const tree = await stack([['a=1', 's -> a']])
    expect(() => tree.stream('s', { follow: false })).toThrow('symlink')
  })

  it('bytes is bounded before anything is read', async () => {
    const tree = await stack([['a=12345']])
    expect(await codeOf(tree.bytes('a', { max: 4 }))).toBe('LIMIT_EXCEEDED')
    expect(decoded(await tree.bytes('a', { max: 5 }))).toBe('12345')
  })

  it('read no more of the layer than up to the file', async () => {
    const filler = 'x'.repeat(200_000)
    const image = await imageOf([['first=1', `filler=${filler}`]])
    const storage = await RawStorage.copyOf(image.layout.storage)
    const tree = await files(await (await OciDir.open(storage)).openImage('t'))
    // Broken behind the file: the whole layer would be refused, the file is not.
    const [layer] = layersOf(image)
    const place = `blobs/${layer?.descriptor.digest.replace(':', '/')}`
    storage.change(place, bytes => bytes.fill(0x2a, 100_000, 100_001))
    expect(decoded(await tree.bytes('first'))).toBe('1')
    expect(await codeOf(files({ ...image, layout: await OciDir.open(storage) }))).toBe('DIGEST_MISMATCH')
  })

  it('end with the reason of an abort', async () => {
    const tree = await stack([['a=1']])
    const reason = new Error('enough')
    expect(await codeOf(tree.bytes('a', { signal: AbortSignal.abort(reason) }))).toBe(reason)
  })
})

describe('files', () => {
  it('reads gzip by default, and says which codec is missing', async () => {
    const image = await imageOf([['a=1']], { codec: gzip() })
    expect(await show(await files(image))).toEqual(['a=1'])
    expect(await codeOf(files(image, { codecs: [] }))).toBe('CODEC_MISSING')
  })

  it('verifies what follows the end of the tar', async () => {
    const padded = new Uint8Array(8192)
    padded.set(await collect(tarOf(['a=1']), { max: padded.length }))
    const dir = await OciDir.ensure(memory())
    const layer = await dir.writeLayer(padded)
    const image = await dir.writeImage(pushLayer(draft({ os: 'linux', architecture: 'amd64' }), layer))
    expect(await show(await files(image))).toEqual(['a=1'])
    const storage = await RawStorage.copyOf(dir.storage)
    storage.change(`blobs/${layer.descriptor.digest.replace(':', '/')}`, bytes =>
      bytes.fill(1, bytes.length - 1),
    )
    expect(await codeOf(files({ ...image, layout: await OciDir.open(storage) }))).toBe('DIGEST_MISMATCH')
  })

  it('verifies the diffID of every layer', async () => {
    const image = await imageOf([['a=1'], ['b=1']])
    const { value } = image.config
    const diff_ids = value.rootfs.diff_ids.slice().reverse()
    const config = { ...image.config, value: { ...value, rootfs: { ...value.rootfs, diff_ids } } }
    // Plain layers are their diffID: with gzip around it the two differ.
    const packed = await imageOf([['a=1']], { codec: gzip() })
    const wrong = { ...packed.config.value, rootfs: { type: 'layers', diff_ids: diff_ids.slice(0, 1) } }
    expect(await codeOf(files({ ...packed, config: { ...packed.config, value: wrong } }))).toBe(
      'DIFF_ID_MISMATCH',
    )
    expect(await codeOf(files({ ...image, config }))).toBe('DIFF_ID_MISMATCH')
  })

  it('shows one layer as it is, whiteouts and all', async () => {
    const image = await imageOf([
      ['a=1', 'd/', 'd/x=1'],
      ['.wh.a', 'd/', 'd/.wh..wh..opq', 'h => a', 'd/y=2'],
    ])
    expect(await show(await files(image, { layer: 0 }))).toEqual(['a=1', 'd/', 'd/x=1'])
    const upper = await files(image, { layer: 1 })
    expect(await show(upper)).toEqual(['.wh.a=', 'd/', 'd/.wh..wh..opq=', 'd/y=2', 'h => a'])
    expect(upper.find('d')?.layer).toBe(1)
    expect(upper.layers.map(({ entries }) => entries)).toEqual([5])
    await expect(files(image, { layer: 2 })).rejects.toThrow(RangeError)
    await expect(files(image, { layer: -1 })).rejects.toThrow(RangeError)
  })

  it('hashes small and large files alike', async () => {
    const sizes = [0, 1, 65_536, 262_144, 262_145, 1_000_000]
    const body = (size: number): string => 'abcdefgh'.repeat(Math.ceil(size / 8)).slice(0, size)
    const tree = await stack([sizes.map(size => `f${size}=${body(size)}`)], { digests: true })
    for (const size of sizes) {
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(utf8(body(size)))))
      const hex = Array.from(hash, byte => byte.toString(16).padStart(2, '0')).join('')
      expect([size, tree.find(`f${size}`)?.sha256]).toEqual([size, hex])
    }
  })

  it('tells its progress in uncompressed bytes', async () => {
    const image = await imageOf([[`a=${'x'.repeat(100_000)}`], ['b=1']], { codec: gzip() })
    const seen: number[] = []
    const tree = await files(image, { onProgress: ({ bytes }) => seen.push(bytes) })
    expect(seen.at(-1)).toBe(tree.layers.reduce((sum, { size }) => sum + size, 0))
    expect(seen).toEqual(seen.slice().sort((a, b) => a - b))
  })

  it('ends with the reason of an abort', async () => {
    const image = await imageOf([['a=1']])
    const reason = new Error('enough')
    expect(await codeOf(files(image, { signal: AbortSignal.abort(reason) }))).toBe(reason)
  })

  it('says which layer is missing', async () => {
    const image = await imageOf([['a=1']])
    expect(await codeOf(files({ ...image, layout: await OciDir.ensure(memory()) }))).toBe('BLOB_MISSING')
  })
})

describe('rowOf', () => {
  it('gives what a file of its type has, and nothing else', async () => {
    const xattrs = new Map([['user.k', Uint8Array.of(0xff, 0)]])
    const layer = [
      { line: 'a=1', mode: 0o4755, uid: 3, gid: 4, mtime: 1700000000, mtimeNs: 123456789, xattrs },
      { line: 'd/', mode: 0o1777, mtime: 5 },
      { line: 's -> a', mtime: 5 },
      { line: 'h => ./a', mtime: 5 },
      { line: 'c=', type: 'char' as const, devMajor: 1, devMinor: 3, mtime: -1, mtimeNs: 500_000_000 },
      { line: '\u00e9=', path: Uint8Array.of(0xe9), mtime: 5 },
    ]
    const tree = await stack([layer], { digests: true })
    const one = '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b'
    const none = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    expect(Array.from(tree.entries(), rowOf)).toEqual([
      {
        path: 'a',
        type: 'file',
        mode: '4755',
        uid: 3,
        gid: 4,
        size: 1,
        mtime: Number('1700000000.123456789'),
        sha256: one,
        xattrs: { 'user.k': '/wA=' },
      },
      { path: 'c', type: 'char', mode: '0644', uid: 0, gid: 0, size: 0, mtime: -0.5, dev: [1, 3] },
      { path: 'd', type: 'directory', mode: '1777', uid: 0, gid: 0, size: 0, mtime: 5 },
      {
        path: 'h',
        type: 'hardlink',
        mode: '0644',
        uid: 0,
        gid: 0,
        size: 1,
        mtime: 5,
        linkname: 'a',
        sha256: one,
      },
      { path: 's', type: 'symlink', mode: '0777', uid: 0, gid: 0, size: 0, mtime: 5, linkname: 'a' },
      {
        path: '\ufffd',
        pathBase64: '6Q==',
        type: 'file',
        mode: '0644',
        uid: 0,
        gid: 0,
        size: 0,
        mtime: 5,
        sha256: none,
      },
    ])
  })

  it('marks a folder that no layer has an entry for', async () => {
    const tree = await stack([['d/a=1']])
    expect(Array.from(tree.entries(), rowOf)[0]).toMatchObject({ path: 'd', mode: '0755', implicit: true })
  })
})
