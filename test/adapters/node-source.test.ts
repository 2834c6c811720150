import { execFileSync } from 'node:child_process'
import {
  appendFile,
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readFolder } from '../../adapters/node/source.ts'
import type { SourceNode } from '../../src/storage.ts'
import { chunksOf, lentChunksOf } from '../../src/streams.ts'
import { entriesOf } from '../../src/tar/index.ts'
import { asText, latin1, readAll } from '../unit/tar/samples.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ocidir-source-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function nodes(options?: { signal?: AbortSignal }): Promise<SourceNode[]> {
  const found: SourceNode[] = []
  for await (const node of readFolder(root, options)) found.push(node)
  return found.sort((a, b) => (String(a.path) < String(b.path) ? -1 : 1))
}
const body = async (node: SourceNode | undefined): Promise<string> => new Response(node?.stream?.()).text()

describe('readFolder', () => {
  it('gives files, folders and links as they are', async () => {
    await mkdir(join(root, 'd/empty'), { recursive: true })
    await writeFile(join(root, 'd/file'), 'content')
    await chmod(join(root, 'd/file'), 0o4751)
    await utimes(join(root, 'd/file'), 1_600_000_000.25, 1_600_000_000.25)
    await link(join(root, 'd/file'), join(root, 'hard'))
    await symlink('/nowhere/../x', join(root, 'link'))
    await symlink('d', join(root, 'to-folder'))
    const found = await nodes()
    expect(found.map(({ path, kind }) => [path, kind])).toEqual([
      ['d', 'directory'],
      ['d/empty', 'directory'],
      ['d/file', 'file'],
      ['hard', 'file'],
      ['link', 'symlink'],
      ['to-folder', 'symlink'],
    ])
    expect(found[2]).toMatchObject({ mode: 0o4751, modified: 1_600_000_000_250, size: 7 })
    expect(found.slice(4).map(({ linkname }) => linkname)).toEqual(['/nowhere/../x', 'd'])
    expect([await body(found[2]), await body(found[3])]).toEqual(['content', 'content'])
  })

  it('keeps names that are not UTF-8 as bytes', async () => {
    const odd = latin1('caf\xe9')
    await writeFile(Buffer.concat([Buffer.from(`${root}/`), odd]), 'odd')
    await symlink(Buffer.from(odd), join(root, 'ü'))
    const found = await nodes()
    expect(found.find(({ kind }) => kind === 'file')?.path).toEqual(odd)
    expect(found.find(({ kind }) => kind === 'symlink')).toMatchObject({ path: 'ü', linkname: odd })
    const entries = await readAll(entriesOf(readFolder(root)).tar())
    expect(entries.map(({ rawPath, rawLinkname, bytes }) => [rawPath, rawLinkname, asText(bytes)])).toEqual([
      [odd, new Uint8Array(), 'odd'],
      [new TextEncoder().encode('ü'), odd, ''],
    ])
  })

  it('streams big files in pieces, and lists more files than it asks for at once', async () => {
    await writeFile(join(root, 'big'), Buffer.alloc(1_000_001, 'x'))
    await Promise.all(Array.from({ length: 100 }, (_, i) => writeFile(join(root, `f${i}`), String(i))))
    const found = await nodes()
    expect(found).toHaveLength(101)
    const sizes: number[] = []
    const reader = found[0]?.stream?.().getReader()
    for (let next = await reader?.read(); next?.value; next = await reader?.read())
      sizes.push(next.value.length)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_000_001)
    expect(sizes.length).toBeGreaterThan(2)
  })

  it('makes the same tar again and again', async () => {
    await mkdir(join(root, 'a'))
    await writeFile(join(root, 'a/b'), 'b')
    const entries = entriesOf(readFolder(root), { prefix: 'app' })
    const tars = await Promise.all(
      [entries, entries, entriesOf(readFolder(root), { prefix: 'app' })].map(each =>
        new Response(each.tar()).arrayBuffer(),
      ),
    )
    expect(new Set(tars.map(tar => Buffer.from(tar).toString('base64'))).size).toBe(1)
    expect((await readAll(entries.tar())).map(({ path }) => path)).toEqual(['app/', 'app/a/', 'app/a/b'])
  })
})

describe('readFolder fails, and skips nothing', () => {
  const unreadable = (path: string, reason: string): object => ({
    code: 'ENTRY_UNREADABLE',
    data: { path, reason },
  })

  it('where there is no folder', async () => {
    await rm(root, { recursive: true })
    await expect(nodes()).rejects.toMatchObject(unreadable(root, 'ENOENT'))
  })

  it('on pipes and sockets', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')])
    await expect(nodes()).rejects.toMatchObject(unreadable('pipe', 'it is a pipe'))
    await rm(join(root, 'pipe'))
    const server = createServer()
    await new Promise<void>(resolve => server.listen(join(root, 'socket'), resolve))
    await expect(nodes()).rejects.toMatchObject(unreadable('socket', 'it is a socket'))
    await new Promise(resolve => server.close(resolve))
  })

  it.each([
    ['has grown', (path: string) => appendFile(path, '!')],
    ['has shrunk', (path: string) => truncate(path, 2)],
    ['has been written anew', (path: string) => utimes(path, 1, 1)],
  ])('on a file that %s since it was listed', async (_, change) => {
    await writeFile(join(root, 'f'), 'content')
    const [node] = await nodes()
    await change(join(root, 'f'))
    await expect(body(node)).rejects.toMatchObject(unreadable('f', 'it changed while it was read'))
  })

  it.each([
    ['chunks of their own', chunksOf],
    ['lent ones', lentChunksOf],
  ])('on a file that changes while it is read, in %s', async (_name, chunksBy) => {
    await writeFile(join(root, 'f'), Buffer.alloc(1_000_000))
    const chunks = chunksBy(entriesOf(readFolder(root)).tar())
    const rest = async (): Promise<void> => {
      while (!(await chunks.next()).done);
    }
    // The header, and something of the content.
    for (let i = 0; i < 2; i++) await chunks.next()
    await appendFile(join(root, 'f'), '!')
    await expect(rest()).rejects.toMatchObject(unreadable('f', 'it changed while it was read'))
  })

  it('on a file that has become a link or a pipe: it is neither followed nor waited for', async () => {
    const path = join(root, 'f')
    await writeFile(path, 'content')
    const [node] = await nodes()
    await rm(path)
    await symlink('/etc/passwd', path)
    expect((await lstat(path)).isSymbolicLink()).toBe(true)
    await expect(body(node)).rejects.toMatchObject(unreadable('f', 'ELOOP'))
    await rm(path)
    execFileSync('mkfifo', [path])
    await expect(body(node)).rejects.toMatchObject(unreadable('f', 'it changed while it was read'))
  })

  it('with the reason of an abort', async () => {
    await writeFile(join(root, 'f'), '')
    const reason = new Error('enough')
    await expect(nodes({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
