/** Layouts that other tools wrote, against what Python's tarfile and umoci say is in them. */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { file, folder } from '../../adapters/node/index.ts'
import { archive } from '../../src/archive/index.ts'
import { layerCheck } from '../../src/deep/index.ts'
import { isOciError } from '../../src/errors.ts'
import { files } from '../../src/files/index.ts'
import { rowOf } from '../../src/files/row.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { ReadableStorage } from '../../src/storage.ts'
import { expectLayout } from './fixture-expectations.ts'
import {
  type Expected,
  expectedOf,
  filesOf,
  fixtureTar,
  inMemory,
  type Judged,
  onDisk,
} from './fixture-layouts.ts'

const fixtures = new URL('../fixtures/', import.meta.url)
const judgedFolders = ['corrupt', 'odd-valid']
const names = (await readdir(fixtures, { withFileTypes: true }))
  .filter(entry => entry.isDirectory() && !judgedFolders.includes(entry.name))
  .map(entry => entry.name)
  .sort()
const expected = new Map<string, Expected>()
for (const name of names) expected.set(name, await expectedOf(name))

/** Why a fixture isn't read whole; `undefined` when it is. Told from expected.json, not from names. */
function leftOut({ kind }: Expected): string | undefined {
  return kind === 'layout' ? undefined : `a ${kind} is not a layout: read by a later issue`
}

const whole = [...expected].filter(([, fixture]) => leftOut(fixture) === undefined)
const notLayouts = [...expected].filter(([, { kind }]) => kind !== 'layout')

let scratch = ''
let folders = 0
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ocidir-fixtures-'))
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

async function inFolder(name: string): Promise<ReadableStorage> {
  const root = join(scratch, String(folders++))
  await onDisk(await filesOf(name), root)
  return folder(root)
}

const media: readonly [string, (name: string) => Promise<ReadableStorage>][] = [
  ['memory', async name => inMemory(await filesOf(name))],
  ['a folder', inFolder],
  ['an archive, in place', async name => archive(await file(fixtureTar(name)))],
  ['an archive as a Blob', async name => archive(new Blob([await readFile(fixtureTar(name))]))],
]

it('covers every fixture, each wholly or for a reason', () => {
  expect(whole.map(([name]) => name)).toEqual([
    'buildah-commit',
    'crane-append',
    'crane-multiarch',
    'oras-artifact',
    'oras-multiarch',
    'regctl-multiarch',
    'rs-gzip',
    'rs-none',
    'rs-referrers',
    'rs-special',
    'rs-tarformats',
    'rs-zstd',
    'skopeo-zstd',
    'umoci-raw',
  ])
  expect(notLayouts.map(([name]) => name)).toEqual(['skopeo-dir', 'skopeo-docker-archive'])
  expect(whole.length + notLayouts.length).toBe(names.length)
})

describe.each(media)('a layout of another tool, in %s', (_, open) => {
  it.each(whole)('gives tags, documents, layers and files of %s as they are', async (name, fixture) => {
    await expectLayout(await open(`${name}/${name}`), fixture)
  })
})

describe.each(notLayouts)('%s', (name, { kind }) => {
  it('is refused as an archive of a layout, by its kind', async () => {
    const refused = await archive(await file(fixtureTar(`${name}/${name}`))).catch(error => error)
    expect(isOciError(refused, 'ARCHIVE_UNSUPPORTED') && refused.data.kind).toBe(kind)
  })

  it(`is refused as a layout: ${kind} is for a later issue`, async () => {
    const root = join(scratch, String(folders++))
    await onDisk(await filesOf(`${name}/${name}`), root)
    const refused = await OciDir.open(folder(root)).catch(error => error)
    expect(isOciError(refused, 'LAYOUT_MISSING') && refused.data.kind).toBe(kind)
  })
})

async function rowsOf(storage: ReadableStorage): Promise<unknown[]> {
  const tree = await files(await (await OciDir.open(storage)).openImage(), { digests: true })
  return Array.from(tree.entries(), rowOf)
}

/** Faults that show only inside of a layer, and what a look there says of them. */
const insideLayers: Readonly<Record<string, string>> = {
  18: 'GZIP_INVALID',
  27: 'PATH_ESCAPES',
  28: 'TAR_INVALID',
  34: 'LAYER_TYPE_MISMATCH',
}

describe('broken and odd layouts', async () => {
  const corrupt = Object.entries(await expectedOf<Record<string, Judged>>('corrupt'))
  const odd = Object.entries(await expectedOf<Record<string, Judged>>('odd-valid'))
  const isDeep = ([name]: [string, Judged]): boolean => Object.hasOwn(insideLayers, name.slice(0, 2))
  const bad = corrupt.filter(([, { should }]) => should !== 'ok')
  const shallow = bad.filter(each => !isDeep(each))
  const deep = bad.filter(isDeep)
  const valid = corrupt.filter(([, { should }]) => should === 'ok')
  const oddValid = odd.filter(([, { should }]) => should === 'ok')
  const oddUnsure = odd.filter(([, { should }]) => should !== 'ok')

  it('are all judged', () => {
    expect([shallow.length, deep.length, valid.length]).toEqual([19, 4, 5])
    expect([oddValid.length, oddUnsure.length]).toEqual([7, 1])
  })

  describe.each(media)('in %s', (_, open) => {
    it.each(shallow)('fsck finds %s', async name => {
      const { findings } = await fsck(await open(`corrupt/${name}`))
      expect(findings.filter(({ severity }) => severity !== 'info')).not.toEqual([])
    })

    it.each(valid)('fsck has nothing against %s', async name => {
      const { findings } = await fsck(await open(`corrupt/${name}`))
      expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([])
    })

    it.each(oddValid)('fsck has nothing against %s', async name => {
      const { findings } = await fsck(await open(`odd-valid/${name}`))
      expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([])
    })

    it.each(oddUnsure)('fsck finds %s, as all peers do', async name => {
      const { ok, findings } = await fsck(await open(`odd-valid/${name}`))
      const serious = findings.filter(({ severity }) => severity !== 'info')
      expect([ok, serious.map(({ code, path }) => `${code} ${path}`)]).toEqual([
        false,
        ['DOCUMENT_INVALID index.json'],
      ])
    })

    it.each(['50', '51', '52', '54', '56'])(
      'odd-valid/%s has the files of the clean layout',
      async number => {
        const name = odd.find(([each]) => each.startsWith(number))?.[0]
        const clean = await rowsOf(await open('corrupt/00-clean'))
        expect(clean.length).toBeGreaterThan(5)
        expect(await rowsOf(await open(`odd-valid/${name}`))).toEqual(clean)
      },
    )

    it.each(deep)('fsck finds %s by a look inside of layers alone', async name => {
      const storage = await open(`corrupt/${name}`)
      expect((await fsck(storage)).ok).toBe(true)
      const { findings } = await fsck(storage, { deep: layerCheck() })
      const errors = findings.filter(({ severity }) => severity === 'error').map(({ code }) => code)
      expect(errors).toEqual([insideLayers[name.slice(0, 2)]])
    })

    // What fsck leaves to a look inside, reading the files meets: nothing broken is shown as an image.
    it.each(deep)('files() refuses %s', async name => {
      const dir = await OciDir.open(await open(`corrupt/${name}`))
      const refused = await files(await dir.openImage()).catch(error => error)
      const codes = ['GZIP_INVALID', 'TAR_INVALID', 'DIFF_ID_MISMATCH']
      expect(codes).toContain(isOciError(refused) ? refused.code : String(refused))
    })
  })

  // In memory and in an archive, in Node and Chromium: test/promises/inside.both.test.ts.
  it.each([...shallow, ...deep])('fsck that looks inside finds %s', async name => {
    const { findings } = await fsck(await inFolder(`corrupt/${name}`), { deep: layerCheck() })
    expect(findings.filter(({ severity }) => severity !== 'info')).not.toEqual([])
  })

  it.each([...valid, ...oddValid])('fsck that looks inside has nothing against %s', async name => {
    const place = valid.some(([each]) => each === name) ? 'corrupt' : 'odd-valid'
    const { findings } = await fsck(await inFolder(`${place}/${name}`), { deep: layerCheck() })
    expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([])
  })
})
