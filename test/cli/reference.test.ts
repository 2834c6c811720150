import { describe, expect, it } from 'vitest'
import { UsageError } from '../../cli/command.ts'
import { type Kind, parseReference, parseTarget } from '../../cli/reference.ts'

const digest = `sha256:${'a'.repeat(64)}`

function disk(folders: readonly string[], files: readonly string[] = []) {
  return async (path: string): Promise<Kind> =>
    folders.includes(path) ? 'folder' : files.includes(path) ? 'file' : undefined
}

describe('a reference', () => {
  const onDisk = disk(['out', '/a/b', 'odd:name', 'odd', 'at@home', 'C:\\images', '.'])
  const table: readonly [text: string, path: string, tag?: string | undefined, digest?: string][] = [
    ['out', 'out'],
    ['out:1', 'out', '1'],
    ['out:reg.io/app:1', 'out', 'reg.io/app:1'],
    ['out:127.0.0.1:5000/fx:multi', 'out', '127.0.0.1:5000/fx:multi'],
    [`out:app@${digest}`, 'out', `app@${digest}`],
    [`out@${digest}`, 'out', undefined, digest],
    [`out:${digest}`, 'out', digest],
    ['out:@', 'out', '@'],
    ['out::', 'out', ':'],
    ['/a/b:t', '/a/b', 't'],
    ['odd:name:t', 'odd:name', 't'],
    ['odd:name', 'odd:name'],
    ['odd:other', 'odd', 'other'],
    ['at@home:1', 'at@home', '1'],
    [`at@home@${digest}`, 'at@home', undefined, digest],
    ['.:t', '.', 't'],
    ['oci:out:1', 'out', '1'],
    ['ocidir://out:1', 'out', '1'],
    ['C:\\images:t', 'C:\\images', 't'],
    ['new', 'new'],
    ['new:reg.io/app:1', 'new', 'reg.io/app:1'],
    ['new/deep:a@b', 'new/deep', 'a@b'],
    [`new@${digest}`, 'new', undefined, digest],
    ['D:\\new:t', 'D:\\new', 't'],
    ['D:/new:t', 'D:/new', 't'],
    ['oci:new:t:u', 'new', 't:u'],
  ]
  it.each(table)('%s is %s with tag %s, digest %s', async (text, path, tag, digest) => {
    const found = await parseReference(text, onDisk)
    expect([found.path, found.tag, found.digest]).toEqual([path, tag, digest])
  })

  it.each([
    '',
    ':',
    ':tag',
    `@${digest}`,
    'out:',
    'new:',
    'out@latest',
    'out@sha256:12',
    'out:a\u001bb',
    'oci:',
  ])('refuses %j as a wrong call', async text => {
    await expect(parseReference(text, onDisk)).rejects.toBeInstanceOf(UsageError)
  })

  it('says whether the place is there', async () => {
    expect((await parseReference('out:1', onDisk)).exists).toBe(true)
    expect((await parseReference('new:1', onDisk)).exists).toBe(false)
  })

  it.each<[text: string, path: string, tag: string | undefined, exists: boolean, isArchive: boolean]>([
    ['x.tar', 'x.tar', undefined, true, true],
    ['x.tar:1', 'x.tar', '1', true, true],
    ['oci-archive:x.tar:1', 'x.tar', '1', true, true],
    ['docker-archive:x.tar', 'x.tar', undefined, true, true],
    ['oci:x.tar:a/b:1', 'x.tar', 'a/b:1', true, true],
    ['oci-archive:new.tar:1', 'new.tar', '1', false, true],
    ['new.tar:1', 'new.tar', '1', false, false],
    ['oci-archive:out:1', 'out', '1', true, false],
    ['out:1', 'out', '1', true, false],
  ])('%s is %s with tag %s; there: %s, an archive: %s', async (text, path, tag, exists, isArchive) => {
    const found = await parseReference(text, disk(['out'], ['x.tar']))
    expect(found).toMatchObject({ path, exists, isArchive })
    expect(found.tag).toBe(tag)
  })
})

describe('a target', () => {
  it.each(['out', `out@${digest}`, 'new'])('needs a tag, which %s has not', async text => {
    await expect(parseTarget(text, disk(['out']))).rejects.toThrow(/expected DIR:TAG/)
  })

  it.each(['x.tar:1', 'oci-archive:x.tar:1', 'oci-archive:new.tar:1', 'docker-archive:new.tar:1'])(
    'is no archive, which %s is',
    async text => {
      const target = parseTarget(text, disk([], ['x.tar']))
      await expect(target).rejects.toBeInstanceOf(UsageError)
      await expect(target).rejects.toThrow(/is an archive, and only a folder can be written/)
    },
  )
})
