/**
 * Images written as lists of lines, so that a test shows its layers and its tree in one notation:
 * `d/` a folder, `d/a=text` a file, `l -> t` a symlink, `h => t` a hard link, `d/.wh.a` a whiteout.
 */

import type { Codec } from '../../src/codec/codec.ts'
import type { FileTree, TreeFile } from '../../src/files/index.ts'
import { draft, pushLayer } from '../../src/image.ts'
import type { OciDir } from '../../src/oci-dir.ts'
import type { Image } from '../../src/resolve.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import type { ByteSource } from '../../src/streams.ts'
import { type TarInput, writeTar } from '../../src/tar/index.ts'

/** An entry as a line, or with what a line can't say. */
export type Line = string | (Partial<TarInput> & { readonly line: string })

/** The bytes of a text. */
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The entry of a line. */
export function inputOf(line: Line): TarInput {
  if (typeof line !== 'string') return { ...inputOf(line.line), ...line }
  const [, hard, target] = /^(.*?) => (.*)$/s.exec(line) ?? []
  if (hard !== undefined && target !== undefined) return { path: hard, type: 'hardlink', linkname: target }
  const [, soft, destination] = /^(.*?) -> (.*)$/s.exec(line) ?? []
  if (soft !== undefined && destination !== undefined) {
    return { path: soft, type: 'symlink', linkname: destination, mode: 0o777 }
  }
  if (line.endsWith('/')) return { path: line, type: 'directory', mode: 0o755 }
  const [path = '', ...text] = line.split('=')
  const body = utf8(text.join('='))
  return { path, type: 'file', size: body.length, body }
}

/** A tar of these lines. */
export function tarOf(lines: readonly Line[]): ByteSource {
  return writeTar(lines.map(inputOf))
}

/** Writes an image of such layers, tagged `t`. */
export async function writeStack(
  dir: OciDir<StorageAdapter>,
  layers: readonly (readonly Line[])[],
  { codecs = [] }: { codecs?: readonly (Codec | undefined)[] } = {},
): Promise<Image> {
  let image = draft({ os: 'linux', architecture: 'amd64' })
  for (const [i, lines] of layers.entries()) {
    const codec = codecs[i % codecs.length]
    image = pushLayer(image, await dir.writeLayer(tarOf(lines), codec ? { codec } : {}))
  }
  return dir.writeImage(image, { tag: 't' })
}

/** The tree in the notation of its layers; `(implicit)` after a folder without an entry. */
export async function show(tree: FileTree): Promise<string[]> {
  const lines: string[] = []
  for (const file of tree.entries()) lines.push(await lineOf(tree, file))
  return lines
}

async function lineOf(tree: FileTree, file: TreeFile): Promise<string> {
  const { path, type, linkname } = file
  switch (type) {
    case 'directory':
      return `${path}/${file.implicit ? ' (implicit)' : ''}`
    case 'symlink':
      return `${path} -> ${linkname}`
    case 'hardlink':
      return file.original?.type === 'file'
        ? `${path} => ${linkname}=${await textOf(tree, file)}`
        : `${path} => ${linkname}`
    case 'file':
      return `${path}=${await textOf(tree, file)}`
    default:
      return `${path} (${type})`
  }
}

async function textOf(tree: FileTree, file: TreeFile): Promise<string> {
  return new TextDecoder().decode(await tree.bytes(file))
}
