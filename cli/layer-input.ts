/** What `--layer` names: a folder to put somewhere, or a tar from a file or from stdin. */

import { createReadStream } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import type { Readable } from 'node:stream'
import { readFolder } from '../adapters/node/index.ts'
import type { AbortOptions, LayerSource, NativeTools } from '../src/index.ts'
import { entriesOf } from '../src/tar/index.ts'
import { quoted } from './args.ts'
import { Failure, UsageError } from './command.ts'
import { longestExisting } from './reference.ts'
import { plainTar } from './tar-input.ts'

/** One `--layer`, looked at but not yet read. */
export type LayerInput =
  | { readonly kind: 'folder'; readonly path: string; readonly dest: string }
  | { readonly kind: 'tar'; readonly path: string }
  | { readonly kind: 'stdin' }

/** What reading a layer needs to know. */
export interface LayerContext extends AbortOptions {
  readonly stdin: Readable
  /** SOURCE_DATE_EPOCH: every file's time, in seconds. */
  readonly mtime: number | undefined
  readonly native: NativeTools | undefined
}

/**
 * Sorts the values of `--layer`. In `FOLDER:DEST` the longest part that exists is the folder: paths may hold `:`.
 *
 * Throws `Failure` for what isn't there, `UsageError` for a DEST that a tar can't have and for stdin asked twice.
 */
export async function layerInputs(texts: readonly string[]): Promise<LayerInput[]> {
  const inputs: LayerInput[] = []
  for (const text of texts) inputs.push(text === '-' ? { kind: 'stdin' } : await inputOf(text))
  if (inputs.filter(({ kind }) => kind === 'stdin').length > 1) {
    throw new UsageError('--layer - can be given once: stdin has one end')
  }
  return inputs
}

/** Throws `UsageError` when the layout lies in a folder that is to be a layer: it would swallow itself. */
export async function refuseWithin(inputs: readonly LayerInput[], layoutPath: string): Promise<void> {
  const layout = await realPath(layoutPath)
  for (const input of inputs) {
    if (input.kind !== 'folder') continue
    const way = relative(await realPath(input.path), layout)
    if (way === '..' || way.startsWith(`..${sep}`) || resolve(way) === way) continue
    throw new UsageError(`the layout ${layoutPath} lies in ${input.path}, which is to be a layer of it`)
  }
}

/** The layer's tar. */
export function layerSource(input: LayerInput, context: LayerContext): LayerSource {
  const { signal, mtime } = context
  if (input.kind === 'folder') {
    return entriesOf(readFolder(input.path), { prefix: input.dest, ...(mtime !== undefined && { mtime }) })
  }
  const bytes =
    input.kind === 'stdin' ? context.stdin : createReadStream(input.path, { highWaterMark: 1 << 20 })
  const where = input.kind === 'stdin' ? 'stdin' : input.path
  return plainTar(bytes, { signal, native: context.native, where })
}

/** The history's word for a layer. It names no path of this machine: one input has one digest, wherever it lies. */
export function createdBy(input: LayerInput): string {
  return input.kind === 'folder' ? `COPY . /${input.dest}` : 'ADD layer.tar /'
}

/** What progress calls a layer. */
export function nameOf(input: LayerInput): string {
  return input.kind === 'stdin' ? 'stdin' : basename(resolve(input.path))
}

async function inputOf(text: string): Promise<LayerInput> {
  const found = await longestExisting(text)
  if (found === undefined) throw new Failure(`--layer: there is no file or folder ${quoted(text)}`)
  const path = text.slice(0, found.end)
  const rest = text.slice(found.end)
  if (rest !== '' && !rest.startsWith(':'))
    throw new Failure(`--layer: there is no file or folder ${quoted(text)}`)
  if (found.kind === 'folder') return { kind: 'folder', path, dest: destOf(rest.slice(1), text) }
  if (rest === '') return { kind: 'tar', path }
  throw new UsageError(`--layer: only a folder can have a destination, and ${quoted(path)} is a file`)
}

/** `/app`, `app/` and `./app` are one: from the image's root, without slashes at its ends. */
function destOf(text: string, whole: string): string {
  const names = text.split('/').filter(name => name !== '' && name !== '.')
  if (names.includes('..')) throw new UsageError(`--layer: a destination can't hold "..": ${quoted(whole)}`)
  return names.join('/')
}

/** The path with every link resolved, also where its last part isn't there yet. */
async function realPath(path: string): Promise<string> {
  const absolute = resolve(path)
  try {
    return await realpath(absolute)
  } catch {
    const parent = dirname(absolute)
    return parent === absolute ? absolute : join(await realPath(parent), basename(absolute))
  }
}
