/** What lies in a layout and isn't reached: what its name and kind say of it. */

import { isDigest } from './digest.ts'
import { OciError } from './errors.ts'
import type { Finding } from './findings.ts'
import type { Digest } from './spec.ts'
import type { StorageEntry } from './storage.ts'

/** A finding, or a blob whose bytes have yet to be looked at. */
export type Stray =
  | { readonly finding: Finding & { readonly path: string } }
  | { readonly path: string; readonly digest: Digest; readonly size: number | undefined }

/** `undefined` for what belongs there. */
export function strayOf({ path, kind, size }: StorageEntry, reached: ReadonlySet<string>): Stray | undefined {
  if (kind === 'staged')
    return { finding: { severity: 'info', code: 'FILE_STAGED', path, message: "a writer's private file" } }
  if (kind === 'shadowed') {
    const message = 'the archive has the name more than once; the last entry counts'
    return { finding: { severity: 'warning', code: 'FILE_SHADOWED', path, message } }
  }
  const blob = /^blobs\/([^/]+)\/([^/]+)$/.exec(path)
  const digest = blob === null ? undefined : `${blob[1]}:${blob[2]}`
  if (digest !== undefined && reached.has(digest) && kind !== 'link-outside') return undefined
  if (kind === 'link-outside') {
    const { message } = new OciError('LINK_OUTSIDE', { path })
    return {
      finding: { severity: 'warning', code: 'LINK_OUTSIDE', path, message, ...(digest && { digest }) },
    }
  }
  if (path === 'oci-layout' || path === 'index.json') return undefined
  if (isDigest(digest) && kind !== 'other') return { path, digest, size }
  const isBlobPlace = path.startsWith('blobs/sha256/') || path.startsWith('blobs/sha512/')
  const severity = isBlobPlace ? 'warning' : 'info'
  return { finding: { severity, code: 'FILE_UNKNOWN', path, message: 'no part of a layout' } }
}
