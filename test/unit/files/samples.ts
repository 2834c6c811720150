/** Images in memory, written as lists of lines (`tree-lines.ts`). */

import { memory } from '../../../adapters/memory.ts'
import type { Codec } from '../../../src/codec/codec.ts'
import { type FilesOptions, type FileTree, files } from '../../../src/files/index.ts'
import { OciDir } from '../../../src/oci-dir.ts'
import type { Image } from '../../../src/resolve.ts'
import type { StorageAdapter } from '../../../src/storage.ts'
import { type Line, writeStack } from '../../suites/tree-lines.ts'

export * from '../../suites/tree-lines.ts'

export async function imageOf(
  layers: readonly (readonly Line[])[],
  { codec, dir }: { codec?: Codec; dir?: OciDir<StorageAdapter> } = {},
): Promise<Image> {
  return writeStack(dir ?? (await OciDir.ensure(memory())), layers, { codecs: [codec] })
}

export async function stack(
  layers: readonly (readonly Line[])[],
  options: FilesOptions = {},
): Promise<FileTree> {
  return files(await imageOf(layers), options)
}
