/** Tars and archives for the fuzzer: seeds, and what a mutant must not give. */

import { archive } from '../../src/archive/index.ts'
import { isOciError } from '../../src/errors.ts'
import type { LayoutPath } from '../../src/storage.ts'
import { concat } from '../../src/streams.ts'
import { readTar, writeTar } from '../../src/tar/index.ts'
import { listed, membersOf } from '../unit/archive/samples.ts'
import { randomEntries } from '../unit/tar/random.ts'
import { bytesOf, gnuMagic, inChunks, member, pax, tar } from '../unit/tar/samples.ts'
import { fixtures } from './fixtures.ts'
import type { Target } from './fuzz.ts'
import { type Mutant, mendTar } from './mutate.ts'
import { sumOf } from './sum.ts'

const octal = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`
const format = {
  block: 512,
  mend: mendTar,
  words: [
    ...['x', 'g', 'L', 'K', 'S', '1', '5', '\0'].map(type => member({ type }).subarray(0, 512)),
    new Uint8Array(512),
    pax([['path', 'p/a/t/h']]),
    Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0),
  ],
}
const limits = { maxSparseSize: 1 << 20 }

/** Tars as a stream, with something of everything. */
export const tarTarget: Target = {
  name: 'tar',
  format,
  seeds: async () => {
    const at = { 386: octal(0) + octal(3) + octal(1024) + octal(2), 483: octal(4000) }
    const sparse = (...more: [string, string][]): Uint8Array =>
      pax(more.map(([key, value]) => [`GNU.sparse.${key}`, value]))
    return [
      await bytesOf(writeTar(randomEntries(1, 6))),
      await bytesOf(writeTar(randomEntries(2, 6))),
      tar(member({ type: 'L', magic: gnuMagic }, `${'n'.repeat(200)}\0`), member({ magic: gnuMagic }, 'x')),
      tar(member({ type: 'S', magic: gnuMagic, at }, 'abcde')),
      tar(
        sparse(['major', '1'], ['minor', '0'], ['realsize', '900']),
        member({}, `${'2\n1\n2\n600\n3\n'.padEnd(512, '\0')}abcde`),
      ),
      tar(sparse(['size', '90'], ['map', '1,2,60,3']), member({}, 'abcde')),
      tar(
        pax(
          [
            ['comment', 'x'],
            ['uid', '5'],
          ],
          'g',
        ),
        pax([['mtime', '-1.5']]),
        member({ type: '1' }, 'body'),
      ),
      ...(await fixtures()).tar,
    ]
  },
  read: async (bytes, pieces) => {
    let all = ''
    for await (const { body, ...entry } of readTar(inChunks(bytes, pieces), { limits })) {
      const { type, path, size, mode, uid, gid, mtime, mtimeNs, linkname, devMajor, devMinor } = entry
      const { uname, gname, offset, bodyOffset, pax, sparse } = entry
      all += `${[type, path, size, mode, uid, gid, mtime, mtimeNs, linkname, devMajor, devMinor, uname, gname]}`
      all += ` ${offset} ${bodyOffset} ${[...pax]} ${sparse?.length} ${sumOf(await bytesOf(body))}\n`
    }
    return all
  },
  judge: async mutant => hiddenHeader(mutant),
}

/** The same by a reader that doesn't look at the sums of headers. */
export const uncheckedTar: Target = {
  ...tarTarget,
  read: (bytes, pieces) => tarTarget.read(mendTar(bytes.slice()), pieces),
}

/** A first header whose sum is wrong, in a tar that was read all the same. The sum is made here once more. */
function hiddenHeader({ bytes }: Mutant): string | undefined {
  const block = bytes.subarray(0, 512)
  const claimed = /^[\0 ]*([0-7]+)[\0 ]/.exec(String.fromCharCode(...block.subarray(148, 156), 0))
  if (block.length < 512 || claimed === null) return undefined
  let [unsigned, signed] = [256, 256]
  for (const [i, byte] of block.entries()) {
    if (i >= 148 && i < 156) continue
    unsigned += byte
    signed += (byte << 24) >> 24
  }
  const sum = Number.parseInt(claimed[1] ?? '', 8)
  return sum === unsigned || sum === signed ? undefined : 'a header with a wrong sum was read'
}

/** Archives of a layout, read in place. */
export const archiveTarget: Target = {
  name: 'archive',
  isWhole: true,
  format,
  seeds: async () => {
    const small = new Map([
      ['oci-layout', new TextEncoder().encode('{"imageLayoutVersion":"1.0.0"}')],
      ['index.json', new TextEncoder().encode('{"schemaVersion":2,"manifests":[]}')],
      ['blobs/sha256/aa', new Uint8Array(700).fill(0x61)],
    ])
    const long = `blobs/sha256/${'c'.repeat(120)}`
    return [
      tar(...membersOf(small)),
      tar(...membersOf(small, path => `./layout/${path}`), member({ name: 'readme' }, 'x')),
      tar(
        ...membersOf(small),
        member({ name: 'blobs/sha256/bb', type: '1', linkname: 'blobs/sha256/aa' }),
        member({ name: 'blobs/sha256/dd', type: '2', linkname: 'bb' }),
        member({ name: 'index.json' }, '{}'),
      ),
      tar(pax([['path', long]]), member({}, 'by pax'), ...membersOf(small)),
      tar(
        member({ type: 'L', magic: gnuMagic }, `${long}\0`),
        member({ magic: gnuMagic }, 'by GNU'),
        ...membersOf(small),
      ),
      concat([...membersOf(small), await bytesOf(writeTar(randomEntries(3, 4)))]),
      ...(await fixtures()).archive,
    ]
  },
  read: async bytes => {
    const storage = await archive(bytes)
    let all = ''
    for (const { path, kind } of await listed(storage)) {
      const isOfLayout = /^(oci-layout|index\.json|blobs\/sha256\/\w+)$/.test(path)
      const file = isOfLayout ? await storage.open(path as LayoutPath).catch(typedOnly) : undefined
      all += `${kind} ${path} ${file && sumOf(await file.bytes())}\n`
    }
    return all
  },
  judge: ({ bytes }, result) => unlikeStreamed(bytes, result),
}

/** The same by a reader that takes the first of several entries of a name and not the last. */
export const firstEntryArchive: Target = {
  ...archiveTarget,
  read: async bytes => {
    const seen = new Set<string>()
    const members: { readonly path: string; readonly sum: string }[] = []
    for await (const { path, type, body } of readTar(bytes)) {
      if (type === 'file' && !seen.has(path)) members.push({ path, sum: sumOf(await bytesOf(body)) })
      seen.add(path)
    }
    return members.map(({ path, sum }) => `file ${path} ${sum}\n`).join('')
  },
}

/** What the streaming reader says of the same bytes: of each name the last entry, if that is an ordinary file. */
async function unlikeStreamed(bytes: Uint8Array, result: string): Promise<string | undefined> {
  const files = new Map<string, string | undefined>()
  try {
    for await (const { path, type, sparse, body } of readTar(bytes)) {
      const plain = path.split('/').filter(name => name !== '' && name !== '.')
      const isPlain = type === 'file' && sparse === undefined
      files.set(plain.join('/'), isPlain ? sumOf(await bytesOf(body)) : undefined)
    }
  } catch (error) {
    // It looks at fields that matter to nobody there: times, owners.
    if (!isOciError(error, 'TAR_INVALID') || /^bad (uid|gid|mtime|mode|pax|device)/.test(error.data.reason))
      return undefined
    if (/sparse/.test(error.data.reason)) return undefined
    return `the streaming reader refuses it: ${error.data.reason}`
  }
  for (const line of result.slice(1).split('\n')) {
    const [, path, sum] = /^file (.+) (\d+:\w+)$/s.exec(line) ?? []
    if (path === undefined) continue
    const name = files.has(path) ? path : [...files.keys()].find(each => each.endsWith(`/${path}`))
    const whole = name === undefined ? undefined : files.get(name)
    // A link has no bytes of its own in a stream.
    if (whole !== undefined && whole !== sum) return `${path}: ${sum} and not ${whole}`
  }
  return undefined
}

function typedOnly(error: unknown): undefined {
  if (!isOciError(error)) throw error
}
