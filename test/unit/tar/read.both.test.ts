import { describe, expect, it } from 'vitest'
import { concat } from '../../../src/streams.ts'
import {
  asText,
  base256,
  gnuMagic,
  header,
  inChunks,
  latin1,
  member,
  pax,
  type RawHeader,
  readAll,
  readOne,
  tar,
  text,
} from './samples.ts'

describe('headers', () => {
  it('reads every field of a ustar header', async () => {
    const fields: RawHeader = {
      name: 'name',
      prefix: 'some/prefix',
      mode: '0006755\0',
      uid: '0001750\0',
      gid: '0000144\0',
      mtime: 0o12345670123,
      uname: 'user',
      gname: 'group',
    }
    const entry = await readOne(tar(member(fields, 'hello')))
    expect(entry).toMatchObject({
      path: 'some/prefix/name',
      rawPath: text('some/prefix/name'),
      type: 'file',
      typeflag: '0',
      mode: 0o6755,
      uid: 1000,
      gid: 100,
      uname: 'user',
      gname: 'group',
      size: 5,
      mtime: 0o12345670123,
      mtimeNs: 0,
      linkname: '',
      offset: 0,
      bodyOffset: 512,
      sparse: undefined,
    })
    expect(asText(entry.bytes)).toBe('hello')
  })

  it('reads every type', async () => {
    const device = { major: '0000010\0', minor: '0000377\0' }
    const entries = await readAll(
      tar(
        member({ name: 'v7', type: '\0', magic: '' }, 'x'),
        member({ name: 'v7-folder/', type: '\0', magic: '' }),
        member({ name: 'contiguous', type: '7' }, 'y'),
        member({ name: 'hard', type: '1', linkname: 'v7' }),
        member({ name: 'sym', type: '2', linkname: '../v7' }),
        member({ name: 'char', type: '3', ...device }),
        member({ name: 'block', type: '4', ...device }),
        member({ name: 'folder/', type: '5' }),
        member({ name: 'fifo', type: '6' }),
        member({ name: 'odd', type: 'Z' }, 'kept'),
      ),
    )
    expect(
      entries.map(({ type, linkname, devMajor, devMinor }) => [type, linkname, devMajor, devMinor]),
    ).toEqual([
      ['file', '', 0, 0],
      ['directory', '', 0, 0],
      ['file', '', 0, 0],
      ['hardlink', 'v7', 0, 0],
      ['symlink', '../v7', 0, 0],
      ['char', '', 8, 255],
      ['block', '', 8, 255],
      ['directory', '', 0, 0],
      ['fifo', '', 0, 0],
      ['other', '', 0, 0],
    ])
    expect(entries[9]).toMatchObject({ typeflag: 'Z', bytes: text('kept') })
  })

  it.each([
    ['spaces around', '   644 \0', 0o644],
    ['no end', '00000644', 0o644],
    ['empty', '\0\0\0\0\0\0\0\0', 0],
    ['anything behind a NUL', '644\0zzzz', 0o644],
  ])('reads octal with %s', async (_, mode, expected) => {
    expect((await readOne(tar(member({ mode })))).mode).toBe(expected)
  })

  it.each([[1n], [-1n], [0o7777777n + 1n], [-62135596800n], [2n ** 53n - 1n], [-(2n ** 53n) + 1n]])(
    'reads %s in base 256 in every field',
    async value => {
      const short = value === BigInt.asIntN(55, value) ? base256(value, 8) : undefined
      const entry = await readOne(
        tar(member({ mtime: base256(value, 12), ...(short && { uid: short, gid: short }) })),
      )
      expect(entry).toMatchObject({ mtime: Number(value), uid: Number(value), gid: Number(value) })
    },
  )

  it('reads sizes and devices in base 256', async () => {
    const device = { type: '3', major: base256(5_000_000n, 8), minor: base256(7_000_000n, 8) }
    const [file, char] = await readAll(tar(member({ size: base256(3n, 12) }, 'abc'), member(device)))
    expect(asText(file?.bytes ?? text(''))).toBe('abc')
    expect(char).toMatchObject({ devMajor: 5_000_000, devMinor: 7_000_000 })
  })

  it('takes a checksum of signed bytes', async () => {
    expect((await readOne(tar(member({ name: latin1('\xe9\xff'), signed: true })))).rawPath).toEqual(
      latin1('\xe9\xff'),
    )
  })

  it("doesn't take star's or GNU's times for a prefix", async () => {
    const star = { prefix: 'p'.repeat(131), at: { 476: '00000000017\0', 488: '00000000017\0', 508: 'tar\0' } }
    const gnu = { magic: gnuMagic, at: { 345: '14371573111\0', 357: '14371573111\0' } }
    const entries = await readAll(tar(member({ name: 'star', ...star }), member({ name: 'gnu', ...gnu })))
    expect(entries.map(entry => entry.path)).toEqual([`${'p'.repeat(131)}/star`, 'gnu'])
  })

  it("reads the prefix that Go before 1.8 put in GNU's headers", async () => {
    const entry = await readOne(tar(member({ name: 'name', magic: gnuMagic, prefix: 'usr/share/long' })))
    expect(entry.path).toBe('usr/share/long/name')
  })

  it('leaves alone what old writers put in the fields of others', async () => {
    const entry = await readOne(tar(member({ major: 'garbage!', minor: 'garbage!' })))
    expect([entry.devMajor, entry.devMinor]).toEqual([0, 0])
    const v7 = await readOne(tar(member({ magic: '', uname: 'x', prefix: 'p' })))
    expect([v7.path, v7.uname]).toEqual(['file', ''])
  })
})

describe('pax', () => {
  it('puts records of the entry over global ones, and both over the header', async () => {
    const entries = await readAll(
      tar(
        pax(
          [
            ['path', 'global'],
            ['uid', '11'],
            ['comment', 'of all'],
          ],
          'g',
        ),
        member({ name: 'one', gid: '0000005\0' }),
        pax([
          ['path', 'own'],
          ['gid', '7'],
        ]),
        member({ name: 'two' }),
        pax([['path', '']]),
        member({ name: 'three' }),
      ),
    )
    expect(entries.map(({ path, uid, gid }) => [path, uid, gid])).toEqual([
      ['global', 11, 5],
      ['own', 11, 7],
      ['three', 11, 0],
    ])
    expect(entries[1]?.pax.get('comment')).toEqual(text('of all'))
    expect(entries[1]?.offset).toBe(entries[0]?.bodyOffset)
  })

  it('lets a global record be taken back', async () => {
    const entry = await readOne(
      tar(pax([['uid', '11']], 'g'), pax([['uid', '']], 'g'), member({ uid: '0000002\0' })),
    )
    expect(entry.uid).toBe(2)
  })

  it('reads ids of more than 2,097,151 and sizes by their records', async () => {
    const records = pax([
      ['uid', '4000000'],
      ['gid', '3000000'],
      ['size', '4'],
      ['uname', 'ü'],
      ['gname', 'ö'],
    ])
    const entry = await readOne(tar(records, member({ size: 0 }, 'four')))
    expect(entry).toMatchObject({ uid: 4_000_000, gid: 3_000_000, size: 4, uname: 'ü', gname: 'ö' })
    expect(asText(entry.bytes)).toBe('four')
  })

  it.each([
    ['1795471447.104177801', 1_795_471_447, 104_177_801],
    ['1.5', 1, 500_000_000],
    ['1.', 1, 0],
    ['1.0000000019', 1, 1],
    ['-1', -1, 0],
    ['-0', 0, 0],
    ['-0.25', -1, 750_000_000],
    ['-157766400.000000001', -157_766_401, 999_999_999],
  ])('reads the time %s', async (mtime, seconds, nanoseconds) => {
    const entry = await readOne(tar(pax([['mtime', mtime]]), member({ mtime: 9 })))
    expect([entry.mtime, entry.mtimeNs]).toEqual([seconds, nanoseconds])
    expect(Object.is(entry.mtime, -0)).toBe(false)
  })

  it('keeps binary xattrs and every unknown record', async () => {
    const binary = Uint8Array.of(1, 0, 0, 2, 10, 0xff, 0x3d)
    const records: [string, Uint8Array][] = [
      ['SCHILY.xattr.security.capability', binary],
      ['SCHILY.xattr.user.empty', text('')],
      ['VENDOR.x', binary],
    ]
    const entry = await readOne(tar(pax(records), member({})))
    expect([...entry.xattrs]).toEqual([
      ['security.capability', binary],
      ['user.empty', text('')],
    ])
    expect(entry.pax.get('VENDOR.x')).toEqual(binary)
  })

  it('keeps the bytes of names that are not UTF-8', async () => {
    const raw = latin1('caf\xe9')
    const [short, long] = await readAll(
      tar(
        member({ name: raw }),
        pax([
          ['path', raw],
          ['linkpath', raw],
        ]),
        member({ type: '2' }),
      ),
    )
    expect(short).toMatchObject({ path: 'caf\ufffd', rawPath: raw })
    expect(long).toMatchObject({ path: 'caf\ufffd', rawPath: raw, linkname: 'caf\ufffd', rawLinkname: raw })
  })

  it('gives the memory of a name to nobody else', async () => {
    const bytes = tar(pax([['path', 'from pax']]), member({}), member({ name: 'from header' }))
    const entries = await readAll(bytes)
    bytes.fill(0x58)
    expect(entries.map(({ rawPath }) => asText(rawPath))).toEqual(['from pax', 'from header'])
    expect(entries.every(({ rawPath }) => rawPath.buffer.byteLength < 100)).toBe(true)
  })

  it('takes the NULs that some writers fill up with', async () => {
    const body = concat([text('13 path=abcd\n'), new Uint8Array(20)])
    expect((await readOne(tar(member({ type: 'x' }, body), member({})))).path).toBe('abcd')
  })
})

describe('GNU', () => {
  it('reads long names and links, which go over pax', async () => {
    const long = `${'d/'.repeat(300)}f`
    const entry = await readOne(
      tar(
        pax([['path', 'pax']]),
        member({ name: '././@LongLink', type: 'K', magic: gnuMagic }, `${long}L\0`),
        member({ name: '././@LongLink', type: 'L', magic: gnuMagic }, `${long}\0`),
        member({ type: '2', magic: gnuMagic }),
      ),
    )
    expect([entry.path, entry.linkname]).toEqual([long, `${long}L`])
    expect([entry.offset, entry.bodyOffset]).toEqual([0, 2 * 512 + 2 * (512 + 1024) + 512])
  })

  it('gives only the next entry a long name', async () => {
    const entries = await readAll(tar(member({ type: 'L' }, 'long\0'), member({}), member({ name: 'next' })))
    expect(entries.map(({ path }) => path)).toEqual(['long', 'next'])
  })
})

describe('hard links', () => {
  it('has no body where the size is only the one of its target', async () => {
    const entries = await readAll(
      tar(header({ name: 'link', type: '1', size: 5, linkname: 'a' }), member({}, 'x')),
    )
    expect(entries.map(({ path, size }) => [path, size])).toEqual([
      ['link', 0],
      ['file', 1],
    ])
    expect(await readAll(header({ type: '1', size: 5 }))).toHaveLength(1)
    expect(await readAll(tar(header({ type: '1', size: 5 })))).toHaveLength(1)
  })

  it('has the body that pax may give it', async () => {
    const entries = await readAll(tar(member({ type: '1', linkname: 'a' }, 'body'), member({ name: 'next' })))
    expect(entries.map(({ path, size, bytes }) => [path, size, asText(bytes)])).toEqual([
      ['file', 4, 'body'],
      ['next', 0, ''],
    ])
  })
})

describe('what has no body', () => {
  it.each(['2', '3', '4', '5', '6'])('ignores the size of type %s, as POSIX says', async type => {
    const entries = await readAll(tar(header({ type, size: 4096 }), member({ name: 'next' }, 'x')))
    expect(entries.map(({ path, size }) => [path, size])).toEqual([
      ['file', 0],
      ['next', 1],
    ])
  })
})

describe('sparse files', () => {
  const map = [
    [0, 3],
    [1024, 2],
    [4000, 0],
  ] as const
  const stored = 'abcde'
  const expected = new Uint8Array(4000)
  expected.set(text('abc'))
  expected.set(text('de'), 1024)
  const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`

  it('expands the old GNU form', async () => {
    const at = Object.fromEntries(map.map(([offset, size], i) => [386 + 24 * i, octal(offset) + octal(size)]))
    const entry = await readOne(
      tar(member({ type: 'S', magic: gnuMagic, at: { ...at, 483: octal(4000) } }, stored)),
    )
    expect(entry).toMatchObject({ type: 'file', size: 4000, bytes: expected, bodyOffset: 512 })
    expect(entry.sparse).toEqual([
      { offset: 0, size: 3 },
      { offset: 1024, size: 2 },
    ])
  })

  it('expands the old GNU form with more blocks of parts', async () => {
    const parts = Array.from({ length: 50 }, (_, i) => octal(i * 10) + octal(1))
    const first = { 386: parts.slice(0, 4).join(''), 482: '\x01', 483: octal(1000) }
    const more = [parts.slice(4, 25), parts.slice(25, 46), parts.slice(46)].map((some, i) => {
      const block = new Uint8Array(512)
      block.set(text(some.join('')))
      block[504] = i < 2 ? 1 : 0
      return block
    })
    const body = member({}, 'x'.repeat(50)).subarray(512)
    const head = header({ type: 'S', size: 50, magic: gnuMagic, at: first })
    const [entry, next] = await readAll(tar(head, ...more, body, member({ name: 'next' })))
    expect(entry?.sparse).toHaveLength(50)
    expect(entry?.bytes.length).toBe(1000)
    expect(entry?.bytes.filter(byte => byte === 0x78)).toHaveLength(50)
    expect(next?.path).toBe('next')
  })

  const pairs = map.flatMap(([offset, size]) => [
    ['GNU.sparse.offset', String(offset)] as const,
    ['GNU.sparse.numbytes', String(size)] as const,
  ])

  it.each([
    ['0.0', [['GNU.sparse.size', '4000'], ['GNU.sparse.numblocks', '3'], ...pairs] as const, stored],
    [
      '0.1',
      [
        ['GNU.sparse.size', '4000'],
        ['GNU.sparse.name', 'real'],
        ['GNU.sparse.map', map.flat().join(',')],
      ] as const,
      stored,
    ],
    [
      '1.0',
      [
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.name', 'real'],
        ['GNU.sparse.realsize', '4000'],
      ] as const,
      `3\n${map.flat().join('\n')}\n`.padEnd(512, '\0') + stored,
    ],
  ])('expands pax %s', async (_, records, body) => {
    const [entry, next] = await readAll(
      tar(pax(records), member({ name: 'fake' }, body), member({ name: 'next' }, 'n')),
    )
    expect(entry).toMatchObject({ size: 4000, bytes: expected })
    expect(entry?.path).toBe(records.some(([key]) => key === 'GNU.sparse.name') ? 'real' : 'fake')
    expect(next).toMatchObject({ path: 'next', bytes: text('n') })
  })

  it('says where the parts are stored', async () => {
    const records = [
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.realsize', '20'],
    ] as const
    const bytes = tar(pax(records), member({}, `1\n7\n5\n`.padEnd(512, '\0') + stored))
    const entry = await readOne(bytes)
    expect(asText(bytes.subarray(entry.bodyOffset, entry.bodyOffset + 5))).toBe(stored)
  })
})

describe('the end', () => {
  const one = member({}, 'x')

  it.each([
    ['two zero blocks', tar(one)],
    ['one zero block', concat([one, new Uint8Array(512)])],
    ['one zero block and some', concat([one, new Uint8Array(700)])],
    ['no zero block', one],
    ['no padding of the last body', one.subarray(0, 513)],
    ['zeros up to 10,240', concat([one, new Uint8Array(10_240 - one.length)])],
    ['something after the end', concat([tar(one), text('junk'), one])],
  ])('takes %s', async (_, bytes) => {
    expect(await readAll(bytes)).toHaveLength(1)
    expect(await readAll(inChunks(bytes, 1))).toHaveLength(1)
  })

  it('takes no bytes at all for a tar of nothing', async () => {
    expect(await readAll(new Uint8Array())).toEqual([])
  })

  it('reads its source to the last byte', async () => {
    const bytes = concat([tar(one), new Uint8Array(100_000).fill(1)])
    let seen = 0
    async function* counted() {
      for await (const chunk of inChunks(bytes, 1000)) {
        seen += chunk.length
        yield chunk
      }
    }
    await readAll(counted())
    expect(seen).toBe(bytes.length)
  })
})

it('reads the same from chunks of any size', async () => {
  const bytes = tar(
    pax([['comment', 'c']], 'g'),
    member({ type: 'L' }, `${'n'.repeat(600)}\0`),
    member({}, 'a body of more than one block'.repeat(30)),
    pax([
      ['path', 'p'],
      ['mtime', '1.5'],
    ]),
    member({ type: '1', linkname: 'x' }, 'linked'),
    pax([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.realsize', '9'],
    ]),
    member({}, `${'1\n4\n5\n'.padEnd(512, '\0')}abcde`),
    member({ name: 'last/', type: '5' }),
  )
  const expected = await readAll(bytes)
  expect(expected.map(({ path }) => path)).toEqual(['n'.repeat(600), 'p', 'file', 'last/'])
  for (const sizes of [[1], [2, 511], [512], [513], [7, 1000, 3], [1024], [5000]]) {
    expect(await readAll(inChunks(bytes, ...sizes))).toEqual(expected)
  }
})

it('keeps nothing of chunks whose slice is a view, as that of Node is', async () => {
  class View extends Uint8Array<ArrayBuffer> {
    override slice(start?: number, end?: number): Uint8Array<ArrayBuffer> {
      return this.subarray(start, end)
    }
  }
  const whole = tar(pax([['SCHILY.xattr.user.a', 'value']]), member({ name: 'a' }), member({ name: 'b' }))
  const chunk = View.from(whole)
  const [entry, other] = await readAll(given(chunk))
  chunk.fill(0)
  expect([entry, other].map(each => asText(each?.rawPath ?? chunk))).toEqual(['a', 'b'])
  expect(asText(entry?.xattrs.get('user.a') ?? chunk)).toBe('value')

  async function* given(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes
  }
})
