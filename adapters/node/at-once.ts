/**
 * Small blobs, found and read by calls of the system that don't go to another thread: such a detour costs ten times the
 * call, and a layout of ten thousand tags has twenty thousand of them. No call blocks for longer than a disk takes for
 * a few blocks.
 */

import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
} from 'node:fs'
import { errnoOf } from './faults.ts'

/** No link is followed (the path has none any more), and a pipe put in a blob's place can't hang us. */
export const readFlags: number =
  constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** Bytes that are read when their file is opened. Manifests and configs are smaller, layers larger. */
const smallBlob = 64 * 1024

/** The path without links. */
export function realNow(path: string): string {
  return realpathSync.native(path)
}

/** Tells whether the path leads to something. */
export function isThereNow(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

/** A file's version, and its bytes if they are few and nobody wrote them meanwhile. */
export function readNow(path: string): { readonly version: BigIntStats; readonly bytes?: Uint8Array } {
  const file = openSync(path, readFlags)
  try {
    const version = fstatSync(file, { bigint: true })
    if (!version.isFile() || version.size > smallBlob) return { version }
    const bytes = new Uint8Array(Number(version.size))
    const isWhole = fill(file, bytes) && sameVersion(version, fstatSync(file, { bigint: true }))
    return isWhole ? { version, bytes } : { version }
  } finally {
    closeSync(file)
  }
}

/** What a call gives, or `undefined` where one of the named errnos says that it found nothing. */
export function unlessNow<T>(errnos: readonly string[], call: () => T): T | undefined {
  try {
    return call()
  } catch (error) {
    if (errnos.includes(errnoOf(error) ?? '')) return undefined
    throw error
  }
}

/** Not by ctime: publishing by link and unlink changes it on a file whose bytes stay as they are. */
export function sameVersion(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs
}

function fill(file: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    const read = readSync(file, bytes, at, bytes.length - at, at)
    if (read === 0) return false
    at += read
  }
  return true
}
