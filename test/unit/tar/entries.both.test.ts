import { describe, expect, it } from 'vitest'
import { isOciError } from '../../../src/errors.ts'
import type { SourceNode } from '../../../src/storage.ts'
import { streamOf } from '../../../src/streams.ts'
import {
  type ChosenFile,
  type DirectoryHandle,
  type DroppedEntry,
  type EntriesOptions,
  type EntriesSource,
  entriesOf,
  type FileHandle,
  sourceOfDrop,
} from '../../../src/tar/index.ts'
import { asText, latin1, readAll, text, type Whole } from './samples.ts'

const streamed = (body: string | Uint8Array): ReadableStream<Uint8Array> =>
  new Blob([typeof body === 'string' ? body : new Uint8Array(body)]).stream()

function file(path: string | Uint8Array, body = '', more: Partial<SourceNode> = {}): SourceNode {
  return { path, kind: 'file', size: text(body).length, stream: () => streamed(body), ...more }
}
const folder = (path: string, more: Partial<SourceNode> = {}): SourceNode => ({
  path,
  kind: 'directory',
  ...more,
})

async function written(source: EntriesSource, options?: EntriesOptions): Promise<Whole[]> {
  return readAll(entriesOf(source, options).tar())
}
const paths = (entries: readonly Whole[]): string[] => entries.map(({ path }) => path)

async function fault(source: EntriesSource, options?: EntriesOptions): Promise<object> {
  const error = await written(source, options).catch(caught => caught)
  expect(isOciError(error), String(error)).toBe(true)
  return { code: error.code, ...error.data }
}

describe('normalised entries', () => {
  it('belong to root, have one of two modes, and times in whole seconds', async () => {
    const entries = await written([
      folder('d', { mode: 0o2700, modified: 1_700_000_000_999.5 }),
      file('d/plain', 'x', { mode: 0o600, modified: 1500 }),
      file('d/run', 'x', { mode: 0o4610, modified: -1 }),
      { path: 'd/link', kind: 'symlink', linkname: '/etc', mode: 0o700, modified: 5000 },
      file('none', 'x'),
    ])
    expect(
      entries.map(({ path, mode, mtime, mtimeNs, uid, gid }) => [path, mode, mtime, mtimeNs, uid, gid]),
    ).toEqual([
      ['d/', 0o755, 1_700_000_000, 0, 0, 0],
      ['d/link', 0o777, 5, 0, 0, 0],
      ['d/plain', 0o644, 1, 0, 0, 0],
      ['d/run', 0o755, -1, 0, 0, 0],
      ['none', 0o644, 0, 0, 0, 0],
    ])
    expect(entries[1]?.linkname).toBe('/etc')
  })

  it('are sorted by the bytes of their paths, parents first, whatever order they come in', async () => {
    const names = ['b', 'a/x', 'a', 'a-b', 'a.', 'ü', '\u{1f600}', '\uffee', 'Z', 'a/x/y']
    const nodes = names.map(name => (name === 'a' || name === 'a/x' ? folder(name) : file(name)))
    const expected = ['Z', 'a/', 'a-b', 'a.', 'a/x/', 'a/x/y', 'b', 'ü', '\uffee', '\u{1f600}']
    expect(paths(await written(nodes))).toEqual(expected)
    expect(paths(await written(nodes.reverse()))).toEqual(expected)
  })

  it('have one time where one is asked for: set, not clamped', async () => {
    const entries = await written([file('a/b', '', { modified: 1000 }), file('c', '', { modified: 9e12 })], {
      mtime: 1_234_567_890,
      prefix: 'p',
    })
    expect(entries.map(({ mtime }) => mtime)).toEqual(Array.from({ length: 4 }, () => 1_234_567_890))
  })

  it('get modes by path, and owners', async () => {
    const mode = (path: string): number | undefined => (path.startsWith('bin/') ? 0o100 : undefined)
    const nodes = [file('bin/run', '', { mode: 0o600 }), file('other', '', { mode: 0o700 })]
    const entries = await written(nodes, { mode, owner: { uid: 7, gid: 8 }, prefix: 'bin' })
    expect(entries.map(({ path, mode, uid, gid }) => [path, mode, uid, gid])).toEqual([
      ['bin/', 0o755, 7, 8],
      ['bin/bin/', 0o755, 7, 8],
      ['bin/bin/run', 0o755, 7, 8],
      ['bin/other', 0o755, 7, 8],
    ])
  })

  it('keep what the source has where they are not normalised', async () => {
    const nodes = [
      folder('d', { mode: 0o2700 }),
      file('d/f', '', { mode: 0o4610, modified: -0.5 }),
      file('d/g'),
    ]
    const entries = await written(nodes, { normalise: false })
    expect(entries.map(({ mode, mtime, mtimeNs }) => [mode, mtime, mtimeNs])).toEqual([
      [0o2700, 0, 0],
      [0o4610, -1, 999_500_000],
      [0o644, 0, 0],
    ])
  })
})

describe('the destination', () => {
  it.each(['app/lib', '/app/lib/', './app//./lib'])('%s is added with its parents', async prefix => {
    const entries = await written([file('x', 'content')], { prefix })
    expect(paths(entries)).toEqual(['app/', 'app/lib/', 'app/lib/x'])
    expect(entries.every(({ mtime, uid }) => mtime === 0 && uid === 0)).toBe(true)
    expect(asText(entries[2]?.bytes ?? text(''))).toBe('content')
  })

  it('is there for a source of nothing, and the root is not', async () => {
    expect(paths(await written([], { prefix: 'a/b' }))).toEqual(['a/', 'a/b/'])
    expect(await written([])).toEqual([])
  })

  it('may not lead out', () => {
    expect(() => entriesOf([], { prefix: '../x' })).toThrow(TypeError)
    expect(() => entriesOf([], { prefix: 'x\0' })).toThrow(TypeError)
  })

  it('holds names of any bytes', async () => {
    const [, , entry] = await written([file(latin1('d/\xff'), 'x')], { prefix: 'ü' })
    expect(entry?.rawPath).toEqual(Uint8Array.of(...text('ü/d/'), 0xff))
  })
})

describe('what is refused', () => {
  it.each([
    ['it is empty', ''],
    ['it is absolute', '/etc/passwd'],
    ['it leads out', 'a/../../b'],
    ['it leads out', '..'],
    ['a NUL in it', 'a\0'],
    ['it has a name without meaning', 'a//b'],
    ['it has a name without meaning', './a'],
    ['it has a name without meaning', 'a/'],
    ['it is not text', 'a\ud800'],
  ])('a path: %s', async (reason, path) => {
    expect(await fault([file(path)])).toMatchObject({ code: 'ENTRY_INVALID', reason })
  })

  it('T1: a path twice, also where one is bytes', async () => {
    const twice = { code: 'ENTRY_INVALID', path: 'ü', reason: 'it is there twice' }
    expect(await fault([file('ü'), file('ü')])).toEqual(twice)
    expect(await fault([folder('ü'), file(text('ü'))])).toEqual(twice)
  })

  it('a path below what is no folder', async () => {
    const nodes = [file('a/b/c'), { path: 'a', kind: 'symlink', linkname: 'x' } as const]
    expect(await fault(nodes)).toEqual({
      code: 'ENTRY_INVALID',
      path: 'a/b/c',
      reason: 'it is below a symlink',
    })
  })

  it.each([
    ['grows', 'abcd'],
    ['shrinks', 'ab'],
  ])('a file that %s while it is read', async (_, body) => {
    expect(await fault([{ ...file('dir/f', body), size: 3 }])).toMatchObject({
      code: 'SIZE_MISMATCH',
      where: 'dir/f',
      expected: 3,
    })
  })

  it('a file that cannot be read, with the cause', async () => {
    const cause = new DOMException('gone', 'NotReadableError')
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield text('ab')
      throw cause
    }
    const source = [file('d/f', 'abc', { stream: () => streamOf(failing()) })]
    const error = await written(source, { prefix: 'p' }).catch(caught => caught)
    expect(error).toMatchObject({ code: 'ENTRY_UNREADABLE', data: { path: 'd/f', reason: 'gone' }, cause })
  })

  it("a caller's node without size or stream", async () => {
    await expect(written([{ path: 'x', kind: 'file', size: 1 }])).rejects.toThrow(TypeError)
    await expect(written([{ path: 'x', kind: 'file', stream: () => streamed('') }])).rejects.toThrow(
      TypeError,
    )
  })
})

describe('as a source of tars', () => {
  it('gives the same bytes again, also from a source that can be listed once', async () => {
    async function* once(): AsyncGenerator<SourceNode> {
      yield file('a', 'A')
      yield file('b', 'B')
    }
    const entries = entriesOf(once())
    const first = await new Response(entries.tar()).arrayBuffer()
    expect(new Uint8Array(await new Response(entries.tar()).arrayBuffer())).toEqual(new Uint8Array(first))
    const listed: unknown[] = []
    for await (const { path, size } of entries) listed.push([path, size])
    expect(listed).toEqual([
      [text('a'), 1],
      [text('b'), 1],
    ])
  })

  it('opens a file when its turn comes, and one at a time', async () => {
    const log: string[] = []
    const noted = (name: string): SourceNode =>
      file(name, 'x', {
        stream: () => {
          async function* body(): AsyncGenerator<Uint8Array> {
            log.push(`open ${name}`)
            yield text('x')
            log.push(`close ${name}`)
          }
          return streamOf(body())
        },
      })
    const tar = entriesOf([noted('a'), noted('b')]).tar()
    await Promise.resolve()
    expect(log).toEqual([])
    await new Response(tar).arrayBuffer()
    expect(log).toEqual(['open a', 'close a', 'open b', 'close b'])
  })

  it('ends with the reason of an abort', async () => {
    const abort = new AbortController()
    const reason = new Error('enough')
    async function* endless(): AsyncGenerator<SourceNode> {
      for (let i = 0; ; i++) {
        if (i === 50) abort.abort(reason)
        yield file(String(i))
      }
    }
    await expect(readAll(entriesOf(endless()).tar({ signal: abort.signal }))).rejects.toBe(reason)
    await expect(written([file('x')], { signal: abort.signal })).rejects.toBe(reason)
  })
})

describe('sources of a browser', () => {
  const chosen = (path: string, body: string): ChosenFile => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    const webkitRelativePath = path.includes('/') ? path : ''
    return {
      name,
      size: text(body).length,
      lastModified: 5000,
      webkitRelativePath,
      stream: () => streamed(body),
    }
  }
  const fileHandle = (name: string, body: string): FileHandle => ({
    kind: 'file',
    name,
    getFile: async () => chosen(name, body),
  })
  const folderHandle = (name: string, ...inside: (FileHandle | DirectoryHandle)[]): DirectoryHandle => ({
    kind: 'directory',
    name,
    async *values() {
      yield* inside
    },
  })
  const content = [
    ['a/', ''],
    ['a/b/', ''],
    ['a/b/deep', 'deep'],
    ['top', 'top'],
  ]
  const seen = (entries: readonly Whole[]): string[][] =>
    entries.map(({ path, bytes }) => [path, asText(bytes)])
  const handle = folderHandle(
    'chosen',
    fileHandle('top', 'top'),
    folderHandle('a', folderHandle('b', fileHandle('deep', 'deep'))),
  )

  it('may be a handle, an input of one folder, or nodes: one content, the same bytes', async () => {
    const input = [chosen('chosen/top', 'top'), chosen('chosen/a/b/deep', 'deep')]
    const nodes = [file('top', 'top'), folder('a'), folder('a/b'), file('a/b/deep', 'deep')]
    const options = { mtime: 7, prefix: 'x' }
    const [one, two, three] = await Promise.all(
      [handle, input, nodes].map(async source =>
        new Response(entriesOf(source, options).tar()).arrayBuffer(),
      ),
    )
    expect(seen(await written(handle))).toEqual(content)
    expect(new Uint8Array(two ?? [])).toEqual(new Uint8Array(one ?? []))
    expect(new Uint8Array(three ?? [])).toEqual(new Uint8Array(one ?? []))
  })

  it('may be chosen files of no folder', async () => {
    expect(seen(await written([chosen('b', 'B'), chosen('a', 'A')]))).toEqual([
      ['a', 'A'],
      ['b', 'B'],
    ])
  })

  it('keep a time of their own', async () => {
    expect((await written(handle)).map(({ mtime }) => mtime)).toEqual([0, 0, 5, 5])
  })

  it('fail on what the browser lists and cannot read, never pass it over', async () => {
    const cause = new DOMException('no symlinks', 'SecurityError')
    const broken: FileHandle = { kind: 'file', name: 'link', getFile: () => Promise.reject(cause) }
    const source = folderHandle('f', folderHandle('d', broken))
    expect(await fault(source)).toEqual({ code: 'ENTRY_UNREADABLE', path: 'd/link', reason: 'no symlinks' })
    const closed: DirectoryHandle = {
      kind: 'directory',
      name: 'x',
      values: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(cause) }) }),
    }
    expect(await fault(folderHandle('f', closed))).toMatchObject({ code: 'ENTRY_UNREADABLE', path: 'x/' })
  })

  const item = (more: object): { kind: string } => ({ kind: 'file', ...more })
  const fileEntry = (name: string, body: string): DroppedEntry => ({
    isDirectory: false,
    name,
    file: done => done(chosen(name, body)),
  })
  const folderEntry = (name: string, ...inside: DroppedEntry[]): DroppedEntry => ({
    isDirectory: true,
    name,
    createReader: () => {
      const batches = [inside.slice(0, 1), inside.slice(1), []].filter(
        (batch, i) => batch.length > 0 || i === 2,
      )
      return { readEntries: done => done(batches.shift() ?? []) }
    },
  })
  const entry = folderEntry(
    'chosen',
    fileEntry('top', 'top'),
    folderEntry('a', folderEntry('b', fileEntry('deep', 'deep'))),
  )

  it.each([
    ['a handle', { getAsFileSystemHandle: async () => handle, webkitGetAsEntry: () => entry }],
    ['an entry', { webkitGetAsEntry: () => entry }],
    [
      'an entry, where the handle is refused',
      {
        getAsFileSystemHandle: () => Promise.reject(new DOMException('no', 'AbortError')),
        webkitGetAsEntry: () => entry,
      },
    ],
  ])('may be one dropped folder, by %s: it stands for its content', async (_, given) => {
    const source = sourceOfDrop({ items: [{ kind: 'string' }, item(given)] })
    expect(seen(await written(source))).toEqual(content)
    expect(seen(await written(source))).toEqual(content)
  })

  it('may be several dropped things: each goes by its name', async () => {
    const items = [
      item({ getAsFileSystemHandle: async () => handle }),
      item({ webkitGetAsEntry: () => folderEntry('entry', fileEntry('f', 'F')) }),
      item({ getAsFile: () => chosen('plain', 'P') }),
      item({ getAsFileSystemHandle: async () => fileHandle('h', 'H') }),
    ]
    expect(paths(await written(sourceOfDrop({ items })))).toEqual([
      'chosen/',
      'chosen/a/',
      'chosen/a/b/',
      'chosen/a/b/deep',
      'chosen/top',
      'entry/',
      'entry/f',
      'h',
      'plain',
    ])
  })

  it('asks a drop for everything before it waits: the browser forgets the items', async () => {
    let forgotten = false
    const ask = <T>(value: T): T => {
      if (forgotten) throw new Error('asked too late')
      return value
    }
    const lazy = {
      webkitGetAsEntry: () => ask(entry),
      getAsFileSystemHandle: () => ask(Promise.resolve(handle)),
    }
    const source = sourceOfDrop({
      items: [item(lazy), item({ webkitGetAsEntry: () => ask(fileEntry('x', '')) })],
    })
    forgotten = true
    expect(paths(await written(source))).toContain('chosen/a/b/deep')
  })

  it('fails on a dropped thing that is neither', async () => {
    expect(await fault(sourceOfDrop({ items: [item({})] }))).toMatchObject({ code: 'ENTRY_UNREADABLE' })
  })
})
