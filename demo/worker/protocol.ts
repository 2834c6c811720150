/** What page and worker say to each other. Everything here survives a structured clone. */

import type { Descriptor, FsckResult } from 'ocidir'
import type { FileRow } from 'ocidir/files'

/** A chosen file with its path below the chosen folder. */
export interface PickedFile {
  readonly path: string
  readonly file: File
}

/** A file or folder that was picked or dropped. */
export type AnyHandle = FileSystemFileHandle | FileSystemDirectoryHandle

/** Where the new layer comes from. */
export type Source =
  /** The files sent before by `take`. */
  | { readonly kind: 'taken' }
  /** Picked or dropped. One folder stands for its content, of anything else each goes by its own name. */
  | { readonly kind: 'handles'; readonly handles: readonly AnyHandle[] }
  /** Stored as it is; unpacked first when it is gzip or zstd. */
  | { readonly kind: 'tar'; readonly file: File }
  /** Files that the development server has: their modes come along, which a browser can't see. */
  | { readonly kind: 'served'; readonly base: string; readonly files: readonly ServedFile[] }

/** A file or folder as the server's disk has it. */
export interface ServedFile {
  readonly path: string
  readonly kind: 'file' | 'directory'
  /** Permission bits. */
  readonly mode: number
  /** Bytes. */
  readonly size: number
}

/** All that decides an image's bytes beside its files. */
export interface Recipe {
  readonly tag: string
  /** Folder in the image, `/app`; a tar has its own paths. */
  readonly destination: string
  readonly platform: string
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly env: readonly string[]
  readonly workdir: string
  readonly compression: 'gzip' | 'none'
  readonly level: number
  /** RFC 3339. */
  readonly created: string
  /** Seconds since 1970: every file's time, as SOURCE_DATE_EPOCH is for the command. */
  readonly epoch: number
  /** Paths that get an x bit, `*` standing for any text: a browser can't see the bit. */
  readonly executables: readonly string[]
}

/** A stored image, as the page shows it. */
export interface ImageSummary {
  readonly tag: string
  readonly digest: string
  readonly platform: string
  readonly created: string
  /** Bytes of manifest, config and layers. */
  readonly size: number
  readonly layers: readonly Descriptor[]
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly env: readonly string[]
  readonly workdir: string
}

/** A line of the list of stored images; one that can't be read still shows, with what went wrong. */
export interface StoredImage {
  readonly tag: string
  readonly digest: string
  readonly detail: string
}

/** Part of an image's file list. */
export interface FilePage {
  readonly rows: readonly FileRow[]
  /** Files that the filter lets through. */
  readonly matching: number
  /** Files in all. */
  readonly total: number
}

/** What the worker can be asked: its name, what it takes and what it gives. */
export interface Calls {
  take: { request: { readonly files: readonly PickedFile[]; readonly isFirst: boolean }; result: number }
  build: { request: { readonly source: Source; readonly recipe: Recipe }; result: ImageSummary }
  images: { request: undefined; result: readonly StoredImage[] }
  open: { request: { readonly tag: string }; result: ImageSummary }
  remove: { request: { readonly tag: string }; result: undefined }
  check: { request: undefined; result: FsckResult }
  files: {
    request: {
      readonly tag: string
      readonly filter: string
      readonly offset: number
      readonly limit: number
    }
    result: FilePage
  }
  /** Into the file of a save dialog, or without one into a `Blob` to download. */
  saveTar: {
    request: { readonly tag: string; readonly handle: FileSystemFileHandle | undefined }
    result: Blob | undefined
  }
  saveFolder: {
    request: { readonly tag: string; readonly handle: FileSystemDirectoryHandle }
    result: undefined
  }
}

/** The name of something that the worker can be asked. */
export type CallName = keyof Calls

/** Something asked of the worker. */
export interface Question<Name extends CallName = CallName> {
  readonly id: number
  readonly name: Name
  readonly request: Calls[Name]['request']
}

/** A question, or its recall. */
export type ToWorker = Question | { readonly cancel: number }

/** What the page gets of a fault: an `Error` itself would lose its `code` on the way. */
export interface Fault {
  readonly name: string
  readonly code: string | undefined
  readonly message: string
}

/** How far a call has come. */
export interface Step {
  /** Bytes handled. */
  readonly bytes: number
  /** Bytes in all, where that is known. */
  readonly total?: number | undefined
}

/** An answer: any number of steps, then a result or a fault. */
export type FromWorker =
  | { readonly id: number; readonly step: Step }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly fault: Fault }
