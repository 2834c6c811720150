import { describe, expect, it } from 'vitest'
import { fileList } from '../../adapters/fsa/index.ts'
import { memory } from '../../adapters/memory.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { LayoutPath } from '../../src/storage.ts'
import { faultOf, filesIn, listed, sampleFiles } from '../unit/archive/samples.ts'
import { RawStorage } from '../unit/core/raw-storage.ts'

const files = await sampleFiles()

/** A file as a folder's input gives it. */
function chosen(path: string, bytes: Uint8Array | string): File {
  const file = new File([typeof bytes === 'string' ? bytes : bytes.slice()], path.replace(/^.*\//, ''))
  Object.defineProperty(file, 'webkitRelativePath', { value: path })
  return file
}

const below = (folder: string): File[] =>
  Array.from(files, ([path, bytes]) => chosen(`${folder}${path}`, bytes))

describe('chosen files', () => {
  it.each([
    ['the chosen folder', 'layout/'],
    ['a folder in it', 'chosen/a/layout/'],
  ])('are the layout of %s', async (_, folder) => {
    const storage = fileList([...below(folder), chosen('chosen/readme', 'x')])
    expect(await filesIn(storage)).toEqual(files)
    expect((await (await OciDir.open(storage)).tags()).map(({ tag }) => tag)).toEqual(['app:1', 'app:2'])
    expect(await fsck(storage)).toMatchObject({ ok: true, findings: [] })
    expect(storage.name).toBe(`files:${folder.slice(0, -1)}`)
  })

  it('are given as they are: blob and time', async () => {
    const [first, ...more] = below('layout/')
    const stored = await fileList([first as File, ...more]).open(files.keys().next().value as LayoutPath)
    expect(stored?.blob).toBe(first)
    expect(stored?.modified).toBe(first?.lastModified)
  })

  it('that no layout has are listed, and private ones as such', async () => {
    const strays = [chosen('layout/notes', 'x'), chosen('layout/.ocidir/staged-1', 'x')]
    const entries = await listed(fileList([...below('layout/'), ...strays]))
    expect(entries).toContainEqual({ path: 'notes', kind: 'file', size: 1 })
    expect(entries).toContainEqual({ path: '.ocidir/staged-1', kind: 'staged' })
  })

  it('without a layout are the chosen folder, which says what it is', async () => {
    const names = ['manifest.json', 'version', 'ab'.repeat(32)]
    const storage = fileList(names.map(name => chosen(`dir/${name}`, 'x')))
    expect(await faultOf(OciDir.open(storage))).toEqual({
      code: 'LAYOUT_MISSING',
      storage: 'files:dir',
      kind: 'skopeo-dir',
    })
    expect(await faultOf(OciDir.open(fileList([])))).toMatchObject({ code: 'LAYOUT_MISSING' })
  })

  it('are external blobs of a layout in memory', async () => {
    const raw = new RawStorage([...files].filter(([path]) => !path.startsWith('blobs/')))
    expect((await fsck(raw)).ok).toBe(false)
    expect((await fsck(raw, { blobs: fileList(below('layout/')) })).findings).toEqual([])
    const dir = await OciDir.ensure(memory(), { blobs: fileList(below('layout/')) })
    const image = await (await OciDir.open(raw, { blobs: fileList(below('layout/')) })).openImage('app:1')
    const [layer] = image.manifest.value.layers
    expect(layer && (await new Response(await dir.readBlob(layer)).text())).toBe('one')
  })

  it('pass an abort through and refuse what no layout can have', async () => {
    const storage = fileList(below('layout/'))
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(storage.open('index.json', { signal })).rejects.toThrow('enough')
    await expect(storage.open('../x' as LayoutPath)).rejects.toBeInstanceOf(TypeError)
    const stored = await storage.open('index.json')
    await expect(stored?.bytes({ signal })).rejects.toThrow('enough')
    await expect(stored?.bytes({ start: 0, end: 1e9 })).rejects.toBeInstanceOf(RangeError)
  })
})
