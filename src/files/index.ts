/** The entry `./files`: an image's layers as one tree. Written by hand: what isn't here is nobody's business. */

export { defaultTreeLimits, type TreeLimits } from './budget.ts'
export type { FileType, TreeFile } from './file.ts'
export { type FilesOptions, files } from './files.ts'
export { type FileRow, rowOf } from './row.ts'
export type { FileTree, FindOptions, ReadFileOptions, TreeLayer, TreePath } from './tree.ts'
