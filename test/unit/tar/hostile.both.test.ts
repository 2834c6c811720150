import { describe, expect, it } from 'vitest'
import { isOciError } from '../../../src/errors.ts'
import { concat } from '../../../src/streams.ts'
import { readTar, type TarLimits } from '../../../src/tar/index.ts'
import {
  base256,
  gnuMagic,
  header,
  inChunks,
  latin1,
  member,
  pax,
  type RawHeader,
  readAll,
  tar,
  text,
} from './samples.ts'

/** The code and data of the error that reading ends with, the same from one chunk and from many. */
async function faultOf(bytes: Uint8Array, limits?: Partial<TarLimits>): Promise<object> {
  const [whole, pieces] = await Promise.all(
    [bytes, inChunks(bytes, 100)].map(source =>
      readAll(source, { ...(limits && { limits }) }).catch(error => error),
    ),
  )
  expect(isOciError(whole), String(whole)).toBe(true)
  expect(pieces).toEqual(whole)
  return { code: whole.code, ...whole.data }
}

const invalid = (reason: string, offset: number, entry?: string): object => ({
  code: 'TAR_INVALID',
  reason,
  offset,
  ...(entry !== undefined && { entry }),
})

describe('what is cut short', () => {
  const whole = concat([pax([['path', 'name']]), member({}, 'a body'.repeat(200))])

  it('is a fault at the byte where it ends', async () => {
    expect(await faultOf(whole.subarray(0, 100))).toEqual(invalid('cut short in a header', 100))
    expect(await faultOf(whole.subarray(0, 515))).toEqual(invalid('cut short in a header', 515))
    expect(await faultOf(whole.subarray(0, 1024))).toEqual(
      invalid('ends after a header that speaks of the next', 1024),
    )
    expect(await faultOf(whole.subarray(0, 1200))).toEqual(invalid('cut short in a header', 1200))
    expect(await faultOf(whole.subarray(0, 2000))).toEqual(invalid('cut short in a body', 2000, 'name'))
  })

  it('is a fault wherever it is cut, unless only padding is gone', async () => {
    let faults = 0
    for (let size = 1; size < 1536 + 1200; size += 13) {
      expect((await faultOf(whole.subarray(0, size))) as object).toMatchObject({
        code: 'TAR_INVALID',
        offset: size,
      })
      faults++
    }
    expect(faults).toBeGreaterThan(200)
    expect(await readAll(whole.subarray(0, 1536 + 1200))).toHaveLength(1)
  })

  it('is a fault also for a body that nobody reads', async () => {
    const listing = async (): Promise<void> => {
      for await (const entry of readTar(whole.subarray(0, 2000))) expect(entry.path).toBe('name')
    }
    await expect(listing()).rejects.toMatchObject({ code: 'TAR_INVALID' })
  })

  it('is a fault in a sparse map', async () => {
    const at = { 482: '\x01', 483: '00000000144\0' }
    const bytes = header({ type: 'S', size: 1, magic: gnuMagic, at })
    expect(await faultOf(bytes)).toEqual(invalid('cut short in a sparse map', 512))
  })
})

describe('headers that are none', () => {
  it('refuses a wrong checksum, and says where', async () => {
    const bytes = tar(member({}, 'x'), member({ checksum: '000000\0 ' }))
    expect(await faultOf(bytes)).toEqual(invalid('bad checksum of a header', 1024))
    expect(await faultOf(text('<html>'.repeat(100)))).toEqual(invalid('bad checksum of a header', 0))
  })

  it('refuses what hides behind a lone zero block', async () => {
    const bytes = concat([member({}), new Uint8Array(512), member({ name: 'hidden' })])
    expect(await faultOf(bytes)).toEqual(invalid('a lone zero block', 512))
  })

  it.each<[string, RawHeader]>([
    ['mode', { mode: '00x0644\0' }],
    ['uid', { uid: '0000009\0' }],
    ['gid', { gid: '12 34\0' }],
    ['size', { size: 'big' }],
    ['mtime', { mtime: '-1' }],
    ['size', { size: base256(2n ** 60n, 12) }],
    ['mtime', { mtime: base256(-(2n ** 80n), 12) }],
    ['device number', { type: '3', major: 'x' }],
  ])('refuses a bad %s', async (name, fields) => {
    expect(await faultOf(tar(member(fields)))).toEqual(invalid(`bad ${name} in a header`, 0, 'file'))
  })

  it('refuses a size below zero, of an entry and of what speaks of one', async () => {
    const size = base256(-512n, 12)
    expect(await faultOf(tar(member({ size })))).toEqual(invalid('negative size', 0, 'file'))
    expect(await faultOf(tar(header({ type: 'L', size })))).toEqual(invalid('negative size', 0, 'file'))
    expect(await faultOf(tar(pax([['size', '-1']]), member({})))).toEqual(
      invalid('negative size', 1024, 'file'),
    )
  })
})

describe('pax records', () => {
  it.each([
    ['no length', 'path=abc\n', 'bad pax record length'],
    ['a length of zero', '0 path=abc\n', 'bad pax record length'],
    ['a length that ends too early', '5 path=abc\n', 'bad pax record length'],
    ['a length beyond the header', '99999 path=abc\n', 'bad pax record length'],
    ['a length that is too long', '00000000000012 path=abc\n', 'bad pax record length'],
    ['a length below zero', '-12 path=abc\n', 'bad pax record length'],
    ['no end of line', '11 path=abc', 'bad pax record length'],
    ['no key', '8 =abcd\n', 'pax record without a key'],
    ['no equals sign', '7 path\n8 a=bcd\n', 'pax record without a key'],
  ])('refuses %s', async (_, records, reason) => {
    expect(await faultOf(tar(member({ type: 'x' }, records), member({})))).toMatchObject({
      code: 'TAR_INVALID',
      reason,
    })
  })

  it('says where the second record is wrong', async () => {
    const bytes = tar(member({ type: 'x' }, '12 path=abc\nnope'), member({}))
    expect(await faultOf(bytes)).toEqual(invalid('bad pax record length', 524))
  })

  it.each([
    ['size', '1e3'],
    ['size', '99999999999999999999'],
    ['uid', '0x10'],
    ['uid', ' 1'],
    ['mtime', 'now'],
    ['mtime', '1,5'],
    ['mtime', '99999999999999999999.5'],
    ['mtime', '.5'],
  ])('refuses %s=%s', async (key, value) => {
    expect(await faultOf(tar(pax([[key, value]]), member({})))).toEqual(invalid(`bad pax ${key}`, 1024))
  })

  it.each(['path', 'uname', 'gname'])('refuses a NUL in %s', async key => {
    expect(await faultOf(tar(pax([[key, 'a\0b']]), member({})))).toEqual(invalid(`a NUL in pax ${key}`, 1024))
  })

  it('refuses a NUL in a link, and in a long name', async () => {
    const link = tar(pax([['linkpath', '/etc\0x']]), member({ type: '2' }))
    expect(await faultOf(link)).toEqual(invalid('a NUL in pax linkpath', 1024))
    const long = tar(member({ type: 'L' }, 'a\0b\0'), member({}))
    expect(await faultOf(long)).toEqual(invalid('a NUL in a long name', 0))
  })
})

describe('limits', () => {
  it('refuses a record size by the claim alone, before a byte of it is there', async () => {
    for (const type of ['x', 'g', 'L', 'K']) {
      const bytes = header({ type, size: 2 ** 33 - 1 })
      expect(await faultOf(bytes)).toEqual({
        code: 'LIMIT_EXCEEDED',
        limit: 'maxRecordSize',
        max: 1 << 20,
        found: 2 ** 33 - 1,
      })
    }
  })

  it('takes records of just the limit', async () => {
    const value = 'x'.repeat((1 << 20) - '1048576 comment=\n'.length)
    const bytes = tar(pax([['comment', value]]), member({}))
    expect(await readAll(bytes)).toHaveLength(1)
    expect(await faultOf(bytes, { maxRecordSize: (1 << 20) - 1 })).toMatchObject({
      limit: 'maxRecordSize',
    })
  })

  it('bounds the number of global records, which every entry would go through', async () => {
    const records = (count: number) => Array.from({ length: count }, (_, i) => [`k${i}`, 'v'] as const)
    expect(await readAll(tar(pax(records(1000), 'g')))).toEqual([])
    expect(await faultOf(tar(pax(records(1001), 'g')))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      limit: 'maxGlobalRecords',
      max: 1000,
    })
  })

  it('bounds what many global headers add up to', async () => {
    const globals = Array.from({ length: 20 }, (_, i) => pax([[`key${i}`, 'x'.repeat(600)]], 'g'))
    expect(await faultOf(tar(...globals), { maxRecordSize: 10_000 })).toMatchObject({
      limit: 'maxRecordSize',
    })
    const same = Array.from({ length: 20 }, () => pax([['key', 'x'.repeat(600)]], 'g'))
    expect(await readAll(tar(...same), { limits: { maxRecordSize: 10_000 } })).toEqual([])
  })

  it('bounds entries, and headers without entries', async () => {
    const entries = Array.from({ length: 5 }, () => member({}))
    const fault = { code: 'LIMIT_EXCEEDED', limit: 'maxEntries', max: 4, found: 5 }
    expect(await faultOf(tar(...entries), { maxEntries: 4 })).toEqual(fault)
    expect(await readAll(tar(...entries), { limits: { maxEntries: 5 } })).toHaveLength(5)
    const globals = Array.from({ length: 17 }, () => pax([['a', 'b']], 'g'))
    expect(await faultOf(tar(...globals), { maxEntries: 4 })).toEqual(fault)
  })

  const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`
  const sparse = (records: readonly (readonly [string, string])[], body: string): Uint8Array =>
    tar(pax(records), member({}, body))
  const one0 = (realsize: string, map: string, rest = ''): Uint8Array =>
    sparse(
      [
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.realsize', realsize],
      ],
      map.padEnd(Math.ceil(map.length / 512) * 512, '\0') + rest,
    )

  it('bounds the parts of a sparse file in each of its forms', async () => {
    const limits = { maxSparseParts: 10 }
    const fault = { code: 'LIMIT_EXCEEDED', limit: 'maxSparseParts', max: 10 }
    const eleven = Array.from({ length: 11 }, (_, i) => [i, 0])
    const block = new Uint8Array(512)
    block.set(text(eleven.map(([at = 0]) => octal(at) + octal(0)).join('')))
    const old = tar(header({ type: 'S', magic: gnuMagic, at: { 482: '\x01', 483: octal(100) } }), block)
    const records = eleven.flatMap(([at]) => [
      ['GNU.sparse.offset', String(at)] as const,
      ['GNU.sparse.numbytes', '0'] as const,
    ])
    expect(await faultOf(old, limits)).toMatchObject(fault)
    expect(await faultOf(sparse([['GNU.sparse.size', '100'], ...records], ''), limits)).toMatchObject(fault)
    const map = [['GNU.sparse.size', '100'] as const, ['GNU.sparse.map', eleven.flat().join(',')] as const]
    expect(await faultOf(sparse(map, ''), limits)).toMatchObject(fault)
    expect(await faultOf(one0('100', `11\n${eleven.flat().join('\n')}\n`), limits)).toMatchObject(fault)
    expect(await faultOf(one0('100', '999999999\n'))).toMatchObject({
      ...fault,
      max: 10_000,
      found: 999_999_999,
    })
  })

  it('bounds the size of a sparse file when its body is read, and lists it before', async () => {
    const bytes = one0(String(2 ** 50), '0\n')
    for await (const entry of readTar(bytes)) expect(entry.size).toBe(2 ** 50)
    expect(await faultOf(bytes)).toEqual({
      code: 'LIMIT_EXCEEDED',
      limit: 'maxSparseSize',
      max: 8 * 2 ** 30,
      found: 2 ** 50,
    })
  })

  it.each([
    ['parts out of order', '2\n5\n1\n0\n1\n', 'ab'],
    ['parts that overlap', '2\n0\n2\n1\n1\n', 'abc'],
    ['a part beyond the end', '1\n10\n1\n', 'a'],
    ['a part that wraps around', '1\n9007199254740991\n9007199254740991\n', 'a'],
    ['a number that is none', '1\nx\n1\n', 'a'],
    ['a count without its pairs', '5\n0\n1\n', 'a'],
    ['no line', 'x'.repeat(512), 'a'],
    ['a line without end', '1'.repeat(600), 'a'],
  ])('refuses a sparse map with %s', async (_, map, rest) => {
    expect(await faultOf(one0('10', map, rest))).toEqual(invalid('bad sparse map', 1024))
  })

  it('reads no further in a sparse map whose line never ends', async () => {
    const bytes = one0('10', `1\n${'0'.repeat(1 << 20)}`)
    let seen = 0
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of inChunks(bytes, 512)) {
        seen += chunk.length
        yield chunk
      }
    }
    await expect(readAll(counted())).rejects.toMatchObject({ code: 'TAR_INVALID' })
    expect(seen).toBeLessThan(8 * 512)
  })

  it('refuses a sparse map that is not of its body', async () => {
    expect(await faultOf(one0('10', '1\n0\n2\n', 'abc'))).toMatchObject({
      reason: 'a sparse map that is not of its body',
    })
    expect(await faultOf(one0('10', '1\n0\n9\n', 'abc'))).toMatchObject({
      reason: 'a sparse map that is not of its body',
    })
  })

  it('refuses sparse forms that it does not know', async () => {
    const future = sparse(
      [
        ['GNU.sparse.major', '2'],
        ['GNU.sparse.minor', '7'],
      ],
      'x',
    )
    expect(await faultOf(future)).toEqual({ code: 'UNSUPPORTED', feature: 'sparse files of GNU version 2.7' })
    expect(await faultOf(tar(member({ type: 'S' })))).toMatchObject({ code: 'UNSUPPORTED' })
  })
})

it('gives names that lead out as they are: they are data', async () => {
  const names = ['../../etc/passwd', '/etc/passwd', 'a/../../b', 'C:\\x', '..', '']
  const entries = await readAll(
    tar(...names.map(name => member({ name, type: '2', linkname: latin1('/..') }))),
  )
  expect(entries.map(({ path }) => path)).toEqual(names)
})
