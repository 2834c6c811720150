import { describe, expect, it } from 'vitest'
import { digestOf } from '../../../src/digest.ts'
import { isOciError } from '../../../src/errors.ts'
import { readTar, type TarInput, tarSource, writeTar } from '../../../src/tar/index.ts'
import { asText, bytesOf, latin1, member, pax, readAll, readOne, tar, text, type Whole } from './samples.ts'

const write = (...entries: TarInput[]): Promise<Uint8Array> => bytesOf(writeTar(entries))

/** What `readTar` gives for one written entry. */
async function again(entry: TarInput): Promise<Whole> {
  return readOne(await write(entry))
}

describe('the bytes', () => {
  it('are a ustar header, the body in whole blocks, and two zero blocks', async () => {
    const bytes = await write({ path: 'dir/file', mode: 0o4755, uid: 1, gid: 2, mtime: 3, body: 'hello' })
    const fields = {
      name: 'dir/file',
      mode: '0004755\0',
      uid: '0000001\0',
      gid: '0000002\0',
      mtime: 3,
      major: '0000000\0',
      minor: '0000000\0',
    }
    expect(bytes).toEqual(tar(member(fields, 'hello')))
  })

  it('of no entry are two zero blocks', async () => {
    expect(await write()).toEqual(new Uint8Array(1024))
  })

  it('are the same in every runtime', async () => {
    const xattrs = new Map([
      ['user.z', text('z')],
      ['user.a', Uint8Array.of(0, 10, 255)],
    ])
    const bytes = await write(
      { path: 'd', type: 'directory', mtime: 1_700_000_000 },
      { path: 'd/ü', body: 'x'.repeat(1000), mtime: -5, mtimeNs: 250_000_000, xattrs },
      { path: latin1('d/\xff'), type: 'symlink', linkname: latin1('\xfe') },
      { path: 'n'.repeat(300), uid: 4_000_000, uname: 'ü' },
      { path: 'd/dev', type: 'char', devMajor: 1, devMinor: 3 },
    )
    expect(await digestOf(bytes)).toBe(
      'sha256:c21aa8a4b9a1fc3a2e1ff93b18e65b6b4b9c96ebab10750a30f0ccbbe55f8f93',
    )
  })

  it('have pax records by the order of their keys, whatever order they are given in', async () => {
    const records: [string, Uint8Array][] = [
      ['b', text('1')],
      ['a', text('2')],
      ['B', text('3')],
    ]
    const one = await write({ path: 'x', pax: new Map(records) })
    const two = await write({ path: 'x', pax: new Map([...records].reverse()) })
    expect(one).toEqual(two)
    expect(asText(one.subarray(512, 524))).toBe('6 B=3\n6 a=2\n')
  })

  it('have no pax header where ustar has room, and split long paths', async () => {
    const path = `${'a'.repeat(120)}/${'b'.repeat(99)}`
    expect((await write({ path })).length).toBe(512 + 1024)
    expect((await again({ path })).path).toBe(path)
    const folder = await again({ path: `${path.slice(0, -1)}`, type: 'directory' })
    expect([folder.path, folder.pax.size]).toEqual([`${path.slice(0, -1)}/`, 0])
  })

  it.each([
    ['a name of more than 100 bytes', 'a'.repeat(101)],
    ['a prefix of more than 155 bytes', `${'a'.repeat(156)}/b`],
    ['a slash at the very beginning only', `/${'a'.repeat(101)}`],
    ['a name of more than 100 bytes behind a slash', `a/${'b'.repeat(101)}`],
    ['a name that is not ASCII', 'ü'],
  ])('put into pax %s', async (_, path) => {
    const entry = await again({ path })
    expect(entry.path).toBe(path)
    expect([...entry.pax.keys()]).toEqual(['path'])
  })

  it("count a record's own length, also where it grows by a digit", async () => {
    for (let size = 80; size < 110; size++) {
      expect(
        (await again({ path: 'x', pax: new Map([['k', text('v'.repeat(size))]]) })).pax.get('k'),
      ).toHaveLength(size)
    }
    for (let size = 975; size < 1000; size++) {
      expect(
        (await again({ path: 'x', pax: new Map([['k', text('v'.repeat(size))]]) })).pax.get('k'),
      ).toHaveLength(size)
    }
  })
})

describe('entries', () => {
  it('come back as they were given', async () => {
    const xattrs = new Map([
      ['security.capability', Uint8Array.of(1, 0, 0, 2)],
      ['user.empty', text('')],
    ])
    const entry = {
      path: 'a/ä',
      type: 'file',
      mode: 0o7777,
      uid: 2 ** 31,
      gid: 2 ** 40,
      uname: 'u'.repeat(40),
      gname: 'ö',
      mtime: -62_135_596_800,
      mtimeNs: 999_999_999,
      xattrs,
    } as const
    expect(await again({ ...entry, body: 'body' })).toMatchObject({ ...entry, size: 4, bytes: text('body') })
  })

  it('have defaults by their type', async () => {
    const none = { uid: 0, gid: 0, uname: '', gname: '', mtime: 0, mtimeNs: 0, size: 0 }
    expect(await again({ path: 'x' })).toMatchObject({ ...none, type: 'file', mode: 0o644 })
    expect(await again({ path: 'x', type: 'directory' })).toMatchObject({ ...none, path: 'x/', mode: 0o755 })
    expect(await again({ path: 'x', type: 'symlink', linkname: 'y' })).toMatchObject({ ...none, mode: 0o777 })
  })

  it('may be links, devices and fifos', async () => {
    expect(await again({ path: 'x', type: 'hardlink', linkname: 'l'.repeat(200) })).toMatchObject({
      type: 'hardlink',
      linkname: 'l'.repeat(200),
    })
    const device = { type: 'block', devMajor: 4095, devMinor: 1_048_575 } as const
    expect(await again({ path: 'x', ...device })).toMatchObject(device)
    expect(await again({ path: 'x', type: 'fifo' })).toMatchObject({ type: 'fifo' })
    expect(await again({ path: 'x', type: 'other', typeflag: 'Z', body: 'y' })).toMatchObject({
      typeflag: 'Z',
      size: 1,
    })
  })

  it('may have names of any bytes, which are said to be no text', async () => {
    const raw = Uint8Array.from({ length: 255 }, (_, i) => i + 1)
    const entry = await again({ path: raw, type: 'symlink', linkname: raw })
    expect([entry.rawPath, entry.rawLinkname]).toEqual([raw, raw])
    expect(entry.pax.get('hdrcharset')).toEqual(text('BINARY'))
    expect((await again({ path: 'ü\ufffd' })).pax.has('hdrcharset')).toBe(false)
  })

  it('may have a size that octal has no room for', async () => {
    const head = writeTar([{ path: 'x', size: 2 ** 33, body: new Uint8Array() }])
    const entries = readTar(head)
    expect((await entries.next()).value?.size).toBe(2 ** 33)
    await entries.return()
  })

  it('go from one tar into another with all that is known of them', async () => {
    const bytes = tar(
      pax([
        ['mtime', '1.25'],
        ['atime', '5'],
        ['SCHILY.xattr.user.a', latin1('\xff')],
        ['path', latin1('\xe9')],
      ]),
      member({ uid: '0000005\0', uname: 'u' }, 'content'),
      pax([
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.realsize', '9'],
        ['GNU.sparse.name', 's'],
      ]),
      member({ name: 'x' }, `${'1\n4\n5\n'.padEnd(512, '\0')}abcde`),
      member({ name: 'old/', type: '\0', magic: '' }),
      member({ name: 'l', type: '1', linkname: 'x' }),
      member({ name: 'odd', type: 'Z' }, 'kept'),
    )
    const plain = (entries: Whole[]): object[] =>
      entries.map(({ offset, bodyOffset, pax, sparse, typeflag, gname, ...rest }) => rest)
    const copy = await bytesOf(writeTar(readTar(bytes)))
    expect(plain(await readAll(copy))).toEqual(plain(await readAll(bytes)))
    expect((await readAll(copy))[0]?.pax.get('atime')).toEqual(text('5'))
    expect(await bytesOf(writeTar(readTar(copy)))).toEqual(copy)
  })

  it('take their bodies from anything, when their turn comes', async () => {
    const order: string[] = []
    async function* chunks(): AsyncGenerator<Uint8Array> {
      order.push('read')
      yield text('ab')
      yield text('c')
    }
    async function* entries(): AsyncGenerator<TarInput> {
      yield { path: '1', body: text('abc') }
      yield { path: '2', body: new Blob(['abc']) }
      yield { path: '3', size: 3, body: chunks() }
      order.push('asked')
      yield { path: '4', size: 3, body: () => chunks() }
      yield { path: '5', body: 'äb' }
    }
    const found = await readAll(await bytesOf(writeTar(entries())))
    expect(found.map(({ bytes }) => asText(bytes))).toEqual(['abc', 'abc', 'abc', 'abc', 'äb'])
    expect(order).toEqual(['read', 'asked', 'read'])
  })
})

describe('what is refused', () => {
  it.each<[string, TarInput]>([
    ['an empty path', { path: '' }],
    ['a NUL in a path', { path: 'a\0b' }],
    ['a NUL in a linkname', { path: 'a', type: 'symlink', linkname: 'b\0' }],
    ['a link to nowhere', { path: 'a', type: 'hardlink' }],
    ['a NUL in an owner', { path: 'a', uname: 'x\0' }],
    ['a file whose name ends with a slash', { path: 'a/' }],
    ['an xattr with an equals sign', { path: 'a', xattrs: new Map([['user.a=b', text('')]]) }],
    ['an xattr without a name', { path: 'a', xattrs: new Map([['', text('')]]) }],
    ['more than 1 MiB of attributes', { path: 'a', xattrs: new Map([['user.a', new Uint8Array(1 << 20)]]) }],
  ])('with ENTRY_INVALID: %s', async (_, entry) => {
    const error = await write(entry).catch(caught => caught)
    expect(isOciError(error, 'ENTRY_INVALID'), String(error)).toBe(true)
  })

  it.each<[string, TarInput]>([
    ['mode', { path: 'a', mode: 0o10000 }],
    ['uid', { path: 'a', uid: 1.5 }],
    ['mtime', { path: 'a', mtime: Number.NaN }],
    ['mtimeNs', { path: 'a', mtimeNs: 1e9 }],
    ['devMajor', { path: 'a', type: 'char', devMajor: 0o10000000 }],
    ['bytes', { path: 'a', size: -1, body: '' }],
  ])('with a RangeError: %s', async (name, entry) => {
    await expect(write(entry)).rejects.toThrow(RangeError)
    await expect(write(entry)).rejects.toThrow(name)
  })

  it('with a TypeError: a stream of unknown size, a type that is none', async () => {
    await expect(write({ path: 'a', body: new Blob(['x']).stream() })).rejects.toThrow(TypeError)
    await expect(write({ path: 'a', type: 'other' })).rejects.toThrow(TypeError)
  })

  it.each([
    ['more', 'abcd', 4],
    ['fewer', 'ab', 2],
    ['no', '', 0],
  ])('with SIZE_MISMATCH: %s bytes than it says', async (_, body, found) => {
    const error = await write({ path: 'dir/a', size: 3, body }).catch(caught => caught)
    expect(error).toMatchObject({ code: 'SIZE_MISMATCH', data: { expected: 3, found, where: 'dir/a' } })
  })
})

it('reads no further in a body that is longer than it says', async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(2)
  }
  const error = await write({ path: 'a', size: 3, body: endless() }).catch(caught => caught)
  expect(error).toMatchObject({ code: 'SIZE_MISMATCH', data: { expected: 3, found: 4 } })
})

describe('streams', () => {
  it('end their entries and bodies when nobody reads on', async () => {
    const ended: string[] = []
    async function* body(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(1000)
      } finally {
        ended.push('body')
      }
    }
    async function* entries(): AsyncGenerator<TarInput> {
      try {
        yield { path: 'endless', size: 2 ** 40, body: body() }
      } finally {
        ended.push('entries')
      }
    }
    let read = 0
    for await (const chunk of writeTar(entries())) {
      read += chunk.length
      if (read > 5000) break
    }
    await new Promise(resolve => setTimeout(resolve))
    expect(ended.sort()).toEqual(['body', 'entries'])
  })

  it('end with the reason of an abort', async () => {
    const abort = new AbortController()
    const reason = new Error('enough')
    async function* body(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10)
      setTimeout(() => abort.abort(reason))
      await new Promise(() => {})
    }
    const writing = bytesOf(writeTar([{ path: 'x', size: 20, body: body() }], { signal: abort.signal }))
    await expect(writing).rejects.toBe(reason)
  })

  it('of a tarSource can be read again', async () => {
    const source = tarSource([{ path: 'etc/.wh.passwd' }, { path: 'x', body: 'y' }])
    const [one, two] = await Promise.all([source, source].map(each => new Response(each.tar()).arrayBuffer()))
    expect(new Uint8Array(one ?? [])).toEqual(new Uint8Array(two ?? []))
    expect(await readAll(source.tar())).toHaveLength(2)
    expect(await readAll(tarSource(() => [{ path: 'a' }]).tar())).toHaveLength(1)
  })
})

it('reads what it writes: any entry, from a seed', async () => {
  const { randomEntries } = await import('./random.ts')
  const given = randomEntries(20_261_124, 400)
  const bytes = await bytesOf(writeTar(given))
  const found = await readAll(bytes)
  expect(found).toHaveLength(given.length)
  for (const [index, { body, ...fields }] of given.entries()) {
    expect(found[index]).toMatchObject({ ...fields, bytes: body ?? new Uint8Array() })
  }
  expect(await bytesOf(writeTar(readTar(bytes)))).toEqual(bytes)
})
