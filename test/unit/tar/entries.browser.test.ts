import { expect, it } from 'vitest'
import { entriesOf, sourceOfDrop } from '../../../src/tar/index.ts'
import { asText, readAll } from './samples.ts'

const content: readonly (readonly [string, string])[] = [
  ['sub/deep/file', 'deep'],
  ['sub/ü', 'ü'],
  ['top', 'top'],
]
const listed = [
  ['sub/', ''],
  ['sub/deep/', ''],
  ['sub/deep/file', 'deep'],
  ['sub/ü', 'ü'],
  ['top', 'top'],
]

async function opfsFolder(): Promise<FileSystemDirectoryHandle> {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(`entries-${Math.random()}`, {
    create: true,
  })
  for (const [path, body] of content) {
    const names = path.split('/')
    let folder = root
    for (const name of names.slice(0, -1)) folder = await folder.getDirectoryHandle(name, { create: true })
    const handle = await folder.getFileHandle(names.at(-1) ?? '', { create: true })
    const writable = await handle.createWritable()
    await writable.write(body)
    await writable.close()
  }
  return root
}

it('takes a real folder handle, files of an input and a drop, with the same bytes', async () => {
  const options = { mtime: 5, prefix: 'app' }
  const files = content.map(([path, body]) => {
    const file = new File([body], path.split('/').at(-1) ?? '')
    Object.defineProperty(file, 'webkitRelativePath', { value: `chosen/${path}` })
    return file
  })
  const handle = await opfsFolder()
  const item = { kind: 'file', getAsFileSystemHandle: async () => handle }
  const sources = [handle, files, sourceOfDrop({ items: [item] })]
  const tars = await Promise.all(
    sources.map(source => new Response(entriesOf(source, options).tar()).arrayBuffer()),
  )
  const [first = new ArrayBuffer(), ...others] = tars.map(tar => new Uint8Array(tar))
  for (const other of others) expect(other).toEqual(first)
  const entries = await readAll(entriesOf(handle).tar())
  expect(entries.map(({ path, bytes }) => [path, asText(bytes)])).toEqual(listed)
})

it("takes a real DataTransfer's files", async () => {
  const dropped = new DataTransfer()
  dropped.items.add(new File(['A'], 'a'))
  dropped.items.add('text', 'text/plain')
  dropped.items.add(new File(['B'], 'b'))
  const entries = await readAll(entriesOf(sourceOfDrop(dropped)).tar())
  expect(entries.map(({ path, bytes }) => [path, asText(bytes)])).toEqual([
    ['a', 'A'],
    ['b', 'B'],
  ])
})

it('fails on a file that changed since it was listed', async () => {
  const handle = await opfsFolder()
  const entries = entriesOf(handle)
  await readAll(entries.tar())
  const writable = await (await handle.getFileHandle('top')).createWritable()
  await writable.write('something else')
  await writable.close()
  await expect(readAll(entries.tar())).rejects.toMatchObject({
    code: 'ENTRY_UNREADABLE',
    data: { path: 'top' },
  })
})
