import { openAsBlob } from 'node:fs'
import { appendFile, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { file } from '../../adapters/node/index.ts'
import { archive } from '../../src/archive/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { faultOf, sampleFiles, tarOf } from '../unit/archive/samples.ts'
import { bytesOf } from '../unit/tar/samples.ts'

const small = tarOf(await sampleFiles())
// Large enough not to be read when it is opened: filled up as tar fills up to its record size.
const whole = new Uint8Array(small.length + 128 * 1024)
whole.set(small)
let work = ''
let path = ''
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'ocidir-file-'))
  path = join(work, 'app.tar')
})
afterAll(() => rm(work, { recursive: true, force: true }))
beforeEach(() => writeFile(path, whole))

describe('a file of the disk', () => {
  it('is an archive, by its path, its URL, or a link that leads to it', async () => {
    const link = join(work, 'link.tar')
    await symlink(path, link)
    for (const given of [path, pathToFileURL(path), link]) {
      const found = await file(given)
      expect([found.size, found.name]).toEqual([whole.length, given === link ? link : path])
      const storage = await archive(found)
      expect(storage.name).toBe(found.name)
      expect(storage.native).toBe(found.native)
      expect((await (await OciDir.open(storage)).tags()).length).toBe(2)
    }
  })

  it('that is missing, or no file, is refused', async () => {
    for (const missing of [join(work, 'nothing.tar'), work, join(path, 'below')]) {
      expect(await faultOf(file(missing))).toMatchObject({ code: 'STORAGE_FAILED', storage: missing })
    }
  })

  it.each<[string, () => Promise<void>]>([
    ['grew', () => appendFile(path, 'more')],
    ['shrank', () => truncate(path, 1000)],
    ['was written in place', async () => writeFile(path, whole).then(() => utimes(path, 1, 1))],
    [
      'was replaced',
      async () => {
        await writeFile(join(work, 'new'), whole)
        await rename(join(work, 'new'), path)
      },
    ],
    ['was removed', () => rm(path)],
  ])('that %s is never read as if it had not', async (_, change) => {
    const storage = await archive(await file(path))
    const index = await storage.open('index.json')
    if (index === undefined) throw new Error('the sample has an index')
    await change()
    const code = 'STORAGE_CHANGED'
    expect(await faultOf(index.bytes())).toMatchObject({ code })
    expect(await faultOf(bytesOf(index.stream()))).toMatchObject({ code })
    expect(await faultOf(OciDir.open(storage))).toMatchObject({ code, path })
  })

  it('that is small is the one that was opened, whatever becomes of it', async () => {
    await writeFile(path, small)
    const storage = await archive(await file(path))
    await rm(path)
    expect((await (await OciDir.open(storage)).tags()).length).toBe(2)
  })

  it('as a Blob that Node opened fails in the same way', async () => {
    const storage = await archive(await openAsBlob(path))
    const index = await storage.open('index.json')
    if (index === undefined) throw new Error('the sample has an index')
    expect((await index.bytes()).length).toBe(index.size)
    await writeFile(path, 'other')
    expect(await faultOf(index.bytes())).toMatchObject({ code: 'STORAGE_CHANGED' })
    expect(await faultOf(bytesOf(index.stream()))).toMatchObject({ code: 'STORAGE_CHANGED' })
  })
})
