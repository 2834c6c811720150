/** `ocidir/tar`: read and write tars, and turn folders into layers. */

export {
  type DroppedEntry,
  type DroppedItem,
  type DroppedItems,
  type EntryReader,
  sourceOfDrop,
} from './drop.ts'
export { type Entries, type EntriesOptions, entriesOf } from './entries.ts'
export type { SparsePart, TarBody, TarEntry, TarType } from './entry.ts'
export type { ChosenFile, DirectoryHandle, EntriesSource, FileHandle } from './folder.ts'
export type { TarInput } from './input.ts'
export { createTarLayer, TarLayerWriter } from './layer.ts'
export { defaultTarLimits, type TarLimits } from './limits.ts'
export { type ReadTarOptions, readTar } from './read.ts'
export { type TarInputs, tarSource, writeTar } from './write.ts'
