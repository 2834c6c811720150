/** From what was chosen to a layer's tar. */

import { type AbortOptions, isOciError, type LayerSource, OciError, type SourceNode } from 'ocidir'
import { gunzip } from 'ocidir/gzip'
import { entriesOf, readTar, sourceOfDrop } from 'ocidir/tar'
import { unzstd } from 'ocidir/zstd'
import type { AnyHandle, Calls, PickedFile, Recipe, ServedFile, Source } from './protocol.ts'

/** A tar, and the bytes to expect of it where they are known. */
export interface LayerInput {
  readonly tar: LayerSource
  readonly total: number | undefined
  /** The history's word for it: the command's own, for the digest depends on it. */
  readonly createdBy: string
}

/** Files that the page has sent and no build has used yet. */
let taken: PickedFile[] = []

/** Takes some of the chosen files; the first of a choice drop those of the last. */
export async function take({ files, isFirst }: Calls['take']['request']): Promise<number> {
  if (isFirst) taken = []
  taken.push(...files)
  return taken.length
}

/** The tar of a layer. Throws `TAR_INVALID`, `UNSUPPORTED`, `GZIP_INVALID` or `ZSTD_INVALID` for what isn't one. */
export async function layerSource(
  source: Source,
  recipe: Recipe,
  options: AbortOptions,
): Promise<LayerInput> {
  if (source.kind === 'tar') return tarInput(source.file, options)
  const { destination, epoch, executables } = recipe
  const entries = { prefix: destination, mtime: epoch, mode: modesOf(executables) }
  const createdBy = `COPY . /${destination}`
  switch (source.kind) {
    case 'handles':
      return { tar: entriesOf(nodesOf(source.handles, options), entries), total: undefined, createdBy }
    case 'taken': {
      const files = taken
      taken = []
      const total = files.reduce((sum, { file }) => sum + file.size, 0)
      return { tar: entriesOf(files.map(nodeOfFile), entries), total, createdBy }
    }
    case 'served': {
      const total = source.files.reduce((sum, { size }) => sum + size, 0)
      const nodes = source.files.map(file => nodeOfServed(file, source.base))
      return { tar: entriesOf(nodes, { prefix: destination, mtime: epoch }), total, createdBy }
    }
  }
}

/** The library walks a drop; here its items are handles that have come from the page. */
function nodesOf(handles: readonly AnyHandle[], options: AbortOptions): AsyncIterable<SourceNode> {
  const items = handles.map(handle => ({ kind: 'file', getAsFileSystemHandle: async () => handle }))
  return sourceOfDrop({ items }, options)
}

function nodeOfFile({ path, file }: PickedFile): SourceNode {
  const { size, lastModified } = file
  return { path, kind: 'file', size, modified: lastModified, stream: () => file.stream() }
}

function nodeOfServed({ path, kind, mode, size }: ServedFile, base: string): SourceNode {
  if (kind === 'directory') return { path, kind, mode }
  const url = `${base}${path.split('/').map(encodeURIComponent).join('/')}`
  return { path, kind, mode, size, stream: options => fetched(url, options) }
}

/** A stream that begins with the request: nothing is asked for before somebody reads. */
function fetched(url: string, { signal }: AbortOptions = {}): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const run = async (): Promise<void> => {
    const response = await fetch(url, signal ? { signal } : {})
    if (!response.ok || response.body === null)
      throw new Error(`${url}: ${response.status} ${response.statusText}`)
    await response.body.pipeTo(writable)
  }
  // The reader of `readable` is told; whoever has stopped reading needs no telling.
  run().catch(error => writable.abort(error).catch(() => {}))
  return readable
}

/** Kept byte for byte, without gzip or zstd if it comes in that, and looked at before anything is stored. */
async function tarInput(file: File, options: AbortOptions): Promise<LayerInput> {
  const start = new Uint8Array(await file.slice(0, 6).arrayBuffer())
  const found = compressions.find(({ magic }) => magic.every((byte, i) => start[i] === byte))
  if (found !== undefined && found.unpack === undefined) {
    throw new OciError('UNSUPPORTED', {
      feature: `a tar in ${found.name}: unpack it first`,
      where: file.name,
    })
  }
  const open = (): AsyncIterable<Uint8Array> => found?.unpack?.(chunks(file), options) ?? chunks(file)
  await checkTar(open(), file.name, options)
  return { tar: open(), total: found === undefined ? file.size : undefined, createdBy: 'ADD layer.tar /' }
}

/**
 * Walks the whole tar: what is cut short would only fail where the image is used. As for the command, a limit or a
 * form of sparse files that is unknown here is no reason to refuse it.
 */
async function checkTar(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  options: AbortOptions,
): Promise<void> {
  const entries = readTar(bytes, options)
  try {
    for (let next = await entries.next(); !next.done; ) next = await entries.next()
  } catch (error) {
    if (isOciError(error, 'LIMIT_EXCEEDED') || isOciError(error, 'UNSUPPORTED')) return
    if (!isOciError(error, 'TAR_INVALID')) throw error
    const { offset, reason } = error.data
    const said = offset === 0 ? `${name} does not begin with a tar header` : `${name}: ${reason}`
    throw new OciError('TAR_INVALID', { ...error.data, reason: said }, { cause: error })
  }
}

async function* chunks(file: File): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = file.stream().getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    await reader.cancel()
  }
}

/** A file gets 0755 when one of the patterns is its path, with `*` for any text; all others are 0644. */
function modesOf(patterns: readonly string[]): (path: string) => number | undefined {
  const tests = patterns.map(pattern => new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`, 's'))
  return path => (tests.some(test => test.test(path)) ? 0o755 : undefined)
}

function escaped(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&')
}

interface Compression {
  readonly name: string
  readonly magic: readonly number[]
  readonly unpack?: typeof gunzip
}

const compressions: readonly Compression[] = [
  { name: 'gzip', magic: [0x1f, 0x8b], unpack: gunzip },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd], unpack: unzstd },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68] },
]
