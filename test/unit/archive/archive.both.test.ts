import { describe, expect, it } from 'vitest'
import { memory } from '../../../adapters/memory.ts'
import { archive, defaultArchiveLimits } from '../../../src/archive/index.ts'
import { fsck } from '../../../src/fsck.ts'
import { draft } from '../../../src/image.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import type { LayoutPath, ReadableStorage } from '../../../src/storage.ts'
import { storedBytes } from '../../../src/stored-bytes.ts'
import { concat } from '../../../src/streams.ts'
import { RawStorage } from '../core/raw-storage.ts'
import { addImage, writeSample } from '../core/samples.ts'
import { bytesOf, gnuMagic, header, member, pax, tar, text } from '../tar/samples.ts'
import { faultOf, filesIn, listed, membersOf, sampleFiles, tarOf } from './samples.ts'

const files = await sampleFiles()
const whole = tarOf(files)
const marker = text('{"imageLayoutVersion":"1.0.0"}')
const a = 'blobs/sha256/aa'
const b = 'blobs/sha256/bb'

/** An archive of a marker and these members. */
const opened = (...members: readonly Uint8Array[]): Promise<ReadableStorage> =>
  archive(tar(member({ name: 'oci-layout' }, marker), ...members))

const textAt = async (storage: ReadableStorage, path: LayoutPath): Promise<string | undefined> => {
  const file = await storage.open(path)
  return file && new TextDecoder().decode(await file.bytes())
}

describe('an archive', () => {
  it.each([
    ['a Blob', () => new Blob([whole.slice()])],
    ['a File', () => new File([whole.slice()], 'app.tar')],
    ['bytes', () => whole],
    ['a stored file', () => storedBytes(whole)],
  ])('is a layout that reads as its files do, from %s', async (_, source) => {
    const storage = await archive(source())
    expect(await filesIn(storage)).toEqual(files)
    const dir = await OciDir.open(storage)
    expect((await dir.tags()).map(({ tag }) => tag)).toEqual(['app:1', 'app:2'])
    const { manifest } = await dir.openImage('app:2')
    const [layer] = manifest.value.layers
    if (layer === undefined) throw new Error('the sample has a layer')
    expect(await new Response(await dir.readBlob(layer)).text()).toBe('three'.repeat(3000))
    expect(await fsck(storage)).toMatchObject({ ok: true, findings: [] })
  })

  it('has a name for messages: the one given, that of the file, else its own', async () => {
    const file = new File([whole.slice()], 'app.tar')
    expect((await archive(file)).name).toBe('app.tar')
    expect((await archive(file, { name: 'mine' })).name).toBe('mine')
    expect((await archive(whole)).name).toBe('archive')
  })

  it('gives parts of a Blob without a copy, and ranges of them', async () => {
    const storage = await opened(member({ name: a }, 'some bytes'))
    const inBlob = await archive(
      new Blob([tar(...membersOf(files), member({ name: a }, 'some bytes')).slice()]),
    )
    expect(await (await inBlob.open(a))?.blob?.text()).toBe('some bytes')
    const file = await storage.open(a)
    expect(new TextDecoder().decode(await file?.bytes({ start: 5, end: 8 }))).toBe('byt')
    expect(await new Response(file?.stream({ start: 5 })).text()).toBe('bytes')
    await expect(file?.bytes({ start: 5, end: 11 })).rejects.toBeInstanceOf(RangeError)
    expect(() => file?.stream({ start: -1 })).toThrow(RangeError)
  })

  it('answers what it has not with undefined, and refuses what no layout can have', async () => {
    const storage = await opened()
    expect(await storage.open(b)).toBeUndefined()
    for (const path of ['../etc/passwd', 'blobs/sha256/..', '/oci-layout', 'other']) {
      await expect(storage.open(path as LayoutPath)).rejects.toBeInstanceOf(TypeError)
    }
  })

  it.each([
    ['./', (path: string) => `./${path}`],
    ['//.//', (path: string) => `/.//${path.replaceAll('/', '//')}`],
    ['a folder', (path: string) => `layout/${path}`],
    ['folders', (path: string) => `./home/u/layout/${path}`],
  ])('may have its layout in %s', async (_, named) => {
    const stray = member({ name: 'readme' }, 'x')
    const folders = member({ name: named('blobs/'), type: '5' })
    const storage = await archive(tar(folders, ...membersOf(files, named), stray))
    expect(await filesIn(storage)).toEqual(files)
    expect((await fsck(storage)).ok).toBe(true)
  })

  it('has the layout that lies nearest to its root, and must have one alone there', async () => {
    const inner = membersOf(
      new Map([['oci-layout', text('{"imageLayoutVersion":"9"}')]]),
      path => `deep/in/${path}`,
    )
    expect(await filesIn(await archive(tar(...inner, ...membersOf(files))))).toEqual(files)
    const both = tar(...membersOf(files, path => `a/${path}`), ...membersOf(files, path => `b/${path}`))
    expect(await faultOf(archive(both))).toMatchObject({
      code: 'ARCHIVE_UNSUPPORTED',
      kind: 'several-layouts',
    })
  })

  it('opens without its marker, for fsck to say', async () => {
    const rest = new Map([...files].filter(([path]) => path !== 'oci-layout'))
    const storage = await archive(tarOf(rest))
    expect(await faultOf(OciDir.open(storage))).toEqual({ code: 'LAYOUT_MISSING', storage: 'archive' })
    expect((await fsck(storage)).findings.map(({ code }) => code)).toEqual(['LAYOUT_MISSING'])
  })

  it('lists what no layout has, and fsck says so', async () => {
    const storage = await archive(
      tarOf(files, member({ name: 'manifest.json' }, '[]'), member({ name: 'a/../oci-layout' }, 'x')),
    )
    expect((await fsck(storage)).findings.map(({ severity, code, path }) => [severity, code, path])).toEqual([
      ['info', 'FILE_UNKNOWN', 'manifest.json'],
      ['info', 'FILE_UNKNOWN', 'a/../oci-layout'],
    ])
  })

  it('of a folder that we wrote shows private files as such', async () => {
    const entries = await listed(await opened(member({ name: '.ocidir/staged-1' }, 'x')))
    expect(entries).toContainEqual({ path: '.ocidir/staged-1', kind: 'staged' })
  })

  it('is only read: its traits say so', async () => {
    expect((await archive(whole)).traits).toMatchObject({ writable: false, exclusion: 'none', lists: true })
  })

  it('refuses what is no source', async () => {
    await expect(archive('app.tar' as never)).rejects.toBeInstanceOf(TypeError)
    await expect(archive(undefined as never)).rejects.toBeInstanceOf(TypeError)
  })

  it('passes an abort through', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(archive(whole, { signal })).rejects.toThrow('enough')
    const storage = await archive(whole)
    await expect(storage.open('index.json', { signal })).rejects.toThrow('enough')
    const file = await storage.open('index.json')
    await expect(file?.bytes({ signal })).rejects.toThrow('enough')
  })
})

describe('of several entries of a name', () => {
  it('the last counts, and the others are listed and found by fsck', async () => {
    const second = text(JSON.stringify({ schemaVersion: 2, manifests: [] }))
    const storage = await archive(tarOf(files, member({ name: 'index.json' }, second)))
    expect(await (await storage.open('index.json'))?.bytes()).toEqual(second)
    expect((await listed(storage)).filter(({ path }) => path === 'index.json')).toEqual([
      { path: 'index.json', kind: 'file', size: second.length },
      { path: 'index.json', kind: 'shadowed' },
    ])
    const { findings } = await fsck(storage)
    expect(findings).toContainEqual(
      expect.objectContaining({ severity: 'warning', code: 'FILE_SHADOWED', path: 'index.json' }),
    )
  })

  it('a second link to the same bytes hides nothing', async () => {
    const again = member({ name: 'oci-layout', type: '1', linkname: 'oci-layout' })
    expect((await listed(await opened(again))).map(({ kind }) => kind)).toEqual(['file'])
  })
})

describe('links', () => {
  it('hard ones give the bytes that their target has by then', async () => {
    const storage = await opened(
      member({ name: `./${a}` }, 'first'),
      member({ name: b, type: '1', linkname: `./${a}`, size: 5 }),
      member({ name: a }, 'second'),
      member({ name: 'blobs/sha256/cc', type: '1', linkname: b }),
      member({ name: 'blobs/sha256/dd', type: '1', linkname: a }, 'a body of its own'),
    )
    expect(await textAt(storage, a)).toBe('second')
    expect(await textAt(storage, b)).toBe('first')
    expect(await textAt(storage, 'blobs/sha256/cc')).toBe('first')
    expect(await textAt(storage, 'blobs/sha256/dd')).toBe('a body of its own')
  })

  it.each([
    ['to each other', [a, b], [b, a]],
    ['to itself', [a, a], [b, a]],
    ['to what comes later', [a, 'blobs/sha256/later'], ['blobs/sha256/later', 'blobs/sha256/never']],
    ['out of the archive', [a, '../../etc/passwd'], [b, '/etc/passwd']],
  ])('hard ones %s lead nowhere', async (_, ...links) => {
    const storage = await opened(
      ...links.map(([name = '', linkname = '']) => member({ name, type: '1', linkname })),
    )
    for (const [name = ''] of links) {
      expect(await faultOf(storage.open(name as LayoutPath))).toEqual({ code: 'LINK_OUTSIDE', path: name })
    }
    expect((await listed(storage)).map(({ kind }) => kind)).toEqual(['file', 'link-outside', 'link-outside'])
  })

  it('symbolic ones are followed to names of the layout', async () => {
    const storage = await opened(
      member({ name: a, type: '2', linkname: '../.././blobs/sha256/bb' }),
      member({ name: b, type: '2', linkname: 'cc' }),
      member({ name: 'blobs/sha256/cc' }, 'the end'),
    )
    expect(await textAt(storage, a)).toBe('the end')
    expect(await listed(storage)).toContainEqual({ path: a, kind: 'link', size: 7 })
  })

  it.each(['/etc/passwd', '../../../etc/passwd', '../../../other', '../../nothing', 'aa', '', 'bb'])(
    'a symbolic one to %j leads out or nowhere',
    async linkname => {
      const inside = (name: string): string => `layout/${name}`
      const storage = await archive(
        tar(
          member({ name: inside('oci-layout') }, marker),
          member({ name: 'other' }, 'of the archive, not of the layout'),
          member({ name: inside(a), type: '2', linkname }),
          member({ name: inside(b), type: '2', linkname: 'aa' }),
        ),
      )
      expect(await faultOf(storage.open(a))).toEqual({ code: 'LINK_OUTSIDE', path: a })
      expect(await listed(storage)).toContainEqual({ path: a, kind: 'link-outside' })
    },
  )
})

describe('what is no ordinary file', () => {
  it('is listed as what it is and fails when it is opened', async () => {
    const storage = await opened(
      member({ name: `${a}/`, type: '5' }),
      member({ name: b, type: '6' }),
      member({ name: 'index.json' }, '{}'),
      member({ name: 'index.json/', type: '5' }),
      member({ name: 'blobs/sha256/cc', type: 'Z' }, 'of a type that nobody knows'),
    )
    for (const path of [a, b, 'blobs/sha256/cc', 'index.json'] as const) {
      expect(await listed(storage)).toContainEqual({ path, kind: 'other' })
      expect(await faultOf(storage.open(path))).toMatchObject({ code: 'STORAGE_FAILED', path })
    }
  })

  it('a sparse file is refused by name; the rest of the archive is read', async () => {
    const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`
    const at = { 386: octal(0) + octal(3) + octal(1024) + octal(2), 483: octal(4000) }
    const storage = await opened(
      member({ name: a, type: 'S', magic: gnuMagic, at }, 'abcde'),
      member({ name: b }, 'after it'),
    )
    expect(await faultOf(storage.open(a))).toMatchObject({ code: 'UNSUPPORTED', where: a })
    expect(await textAt(storage, b)).toBe('after it')
    expect(await listed(storage)).toContainEqual({ path: a, kind: 'file', size: 4000 })
  })
})

describe('a file that is something else is refused by its kind', () => {
  const hex = 'ab'.repeat(32)
  const json = text('[]')
  it.each<[string, Uint8Array]>([
    ['empty', new Uint8Array()],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0)],
    ['zstd', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 4)],
    ['xz', Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0)],
    ['bzip2', text('BZh91AY')],
    ['zip', text('PK\u0003\u0004...')],
    ['zip', text(`PK\u0005\u0006${'\0'.repeat(18)}`)],
    ['json', text(' \n{"schemaVersion":2}')],
    ['json', text('\ufeff[]')],
    ['unknown', text('hello')],
    ['unknown', new Uint8Array(600).fill(7)],
    ['tar', new Uint8Array(10_240)],
    ['tar', tar(member({ name: 'etc/' }), member({ name: 'etc/passwd' }, 'root'))],
    ['tar', tar(member({ name: 'var/www/index.json' }, '{}'), member({ name: 'manifest.json' }, '{}'))],
    ['docker-archive', tar(member({ name: 'manifest.json' }, json), member({ name: `${hex}.json` }, '{}'))],
    [
      'docker-archive',
      tar(member({ name: `x/${hex}/layer.tar` }, ''), member({ name: './x/manifest.json' }, json)),
    ],
    ['docker-archive', tar(member({ name: `sha256:${hex}` }, '{}'), member({ name: 'manifest.json' }, json))],
    [
      'skopeo-dir',
      tar(...['version', 'manifest.json', hex].map(name => member({ name: `dir/${name}` }, name))),
    ],
  ])('%s', async (kind, bytes) => {
    const refused = archive(bytes, { name: 'given.tar' })
    expect(await faultOf(refused)).toMatchObject({ code: 'ARCHIVE_UNSUPPORTED', storage: 'given.tar', kind })
    await expect(refused).rejects.toThrow(
      /^given\.tar can't be opened: expected an oci-archive.*, found an? |something/,
    )
  })

  it('but what docker save makes today, with a layout in it, opens', async () => {
    const both = tarOf(files, member({ name: 'manifest.json' }, json), member({ name: 'repositories' }, '{}'))
    expect((await (await OciDir.open(await archive(both))).tags()).length).toBe(2)
  })

  it.each<['docker-archive' | 'skopeo-dir', string[]]>([
    ['docker-archive', ['manifest.json', `${hex}.json`, `${hex}.tar`]],
    ['skopeo-dir', ['manifest.json', hex, 'version']],
  ])('and a place that holds an unpacked %s says so when it is opened', async (kind, names) => {
    const storage = new RawStorage(names.map(name => [name, 'x']))
    expect(await faultOf(OciDir.open(storage))).toEqual({ code: 'LAYOUT_MISSING', storage: 'raw', kind })
  })
})

describe('a damaged or hostile archive is refused', () => {
  it.each([
    ['a body cut short', whole.subarray(0, whole.length - 2000), 'TAR_INVALID'],
    ['a header cut short', whole.subarray(0, 300 + whole.length - 1024 - 512), 'TAR_INVALID'],
    ['a body beyond the end', concat([whole.subarray(0, -1024), header({ size: 1e9 })]), 'TAR_INVALID'],
    [
      'a size of 8 EiB',
      concat([whole.subarray(0, -1024), header({ size: '\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff' })]),
      'TAR_INVALID',
    ],
    ['junk between entries', concat([whole.subarray(0, -1024), new Uint8Array(512).fill(1)]), 'TAR_INVALID'],
    ['a checksum that is wrong at once', concat([header({ checksum: '0000000\0' }), whole]), 'TAR_INVALID'],
    ['pax records of 2 MiB', tar(pax([['comment', 'x'.repeat(2 << 20)]]), member({}, '')), 'LIMIT_EXCEEDED'],
    [
      'a long name of 2 MiB',
      tar(member({ type: 'L', magic: gnuMagic }, 'n'.repeat(2 << 20))),
      'LIMIT_EXCEEDED',
    ],
  ])('%s', async (_, bytes, code) => {
    expect(await faultOf(archive(bytes))).toMatchObject({ code })
    expect(await faultOf(archive(new Blob([bytes.slice()])))).toMatchObject({ code })
  })

  it('junk behind its end is no part of it, and the end itself may be missing', async () => {
    const junk = new Uint8Array(5000).fill(0xaa)
    expect(await filesIn(await archive(concat([whole, junk])))).toEqual(files)
    expect(await filesIn(await archive(whole.subarray(0, -1024)))).toEqual(files)
  })

  it('too many names are refused by their number and by their length', async () => {
    const entries = Array.from({ length: 50 }, (_, i) => member({ name: `${'n'.repeat(50)}${i}` }))
    const bytes = tarOf(files, ...entries)
    expect(await faultOf(archive(bytes, { limits: { maxEntries: 50 } }))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      limit: 'maxEntries',
    })
    expect(await faultOf(archive(bytes, { limits: { maxNamesSize: 2000 } }))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      limit: 'maxNamesSize',
    })
    const long = { code: 'LIMIT_EXCEEDED', limit: 'maxPathSize', max: 40 }
    expect(await faultOf(archive(bytes, { limits: { maxPathSize: 40 } }))).toMatchObject(long)
    const linked = tar(member({ name: 'a', type: '2', linkname: 'n'.repeat(41) }))
    expect(await faultOf(archive(linked, { limits: { maxPathSize: 40 } }))).toMatchObject(long)
    expect(await filesIn(await archive(bytes, { limits: defaultArchiveLimits }))).toEqual(files)
  })
})

describe('as external blobs', () => {
  /** A layout of documents alone: the layers are in the archive. */
  async function sparse(): Promise<RawStorage> {
    const storage = new RawStorage(files)
    const dir = await OciDir.open(storage)
    for await (const { manifest } of dir.images()) {
      for (const { digest } of manifest.value.layers)
        storage.change(`blobs/${digest.replace(':', '/')}`, () => undefined)
    }
    return storage
  }

  it('an archive gives what a sparse layout lacks, and fsck checks both', async () => {
    const storage = await sparse()
    const blobs = await archive(whole)
    expect((await fsck(storage)).ok).toBe(false)
    expect(await fsck(storage, { blobs })).toMatchObject({ ok: true, findings: [] })
    const dir = await OciDir.open(storage, { blobs })
    const [layer] = (await dir.openImage('app:1')).manifest.value.layers
    if (layer === undefined) throw new Error('the sample has a layer')
    expect(await new Response(await dir.readBlob(layer)).text()).toBe('one')
  })

  it('a tar of blobs alone will do', async () => {
    const alone = new Map([...files].filter(([path]) => path.startsWith('blobs/')))
    expect((await fsck(await sparse(), { blobs: await archive(tarOf(alone)) })).ok).toBe(true)
  })

  it('what is written goes to the layout itself, whole', async () => {
    const storage = memory()
    await OciDir.ensure(storage)
    const dir = await OciDir.open(storage, { blobs: await archive(whole) })
    const base = await (await OciDir.open(await archive(whole))).openImage('app:1')
    await dir.writeImage(draft(base), { tag: 'copied' })
    await writeSample(dir, { tag: 'own' })
    expect((await dir.tags()).map(({ tag }) => tag)).toEqual(['copied', 'own'])
    expect((await fsck(storage)).findings).toEqual([])
    expect(await bytesOf(await dir.readBlob(base.manifest.value.config))).toEqual(base.config.bytes)
  })
})

it('a damaged blob of an archive is a finding like any other', async () => {
  const raw = new RawStorage(files)
  const descriptor = await addImage(raw)
  raw.change(`blobs/${descriptor.digest.replace(':', '/')}`, bytes =>
    bytes.map((byte, i) => (i === 9 ? byte ^ 1 : byte)),
  )
  const { findings } = await fsck(await archive(tarOf(raw.files)))
  expect(findings).toContainEqual(
    expect.objectContaining({ code: 'BLOB_MISNAMED', digest: descriptor.digest }),
  )
})
