/** What fsck says: findings with a severity and a code that never changes its meaning. */

import type { OciErrorCode } from './errors.ts'

/** `error`: content is broken or ambiguous. `warning`: suspicious. `info`: legal and worth knowing. */
export type Severity = 'error' | 'warning' | 'info'

/** Faults that reading also reports keep their error's code; the others are fsck's own. */
export type FindingCode =
  | OciErrorCode
  /** One name on two entries of one platform. */
  | 'TAG_DUPLICATE'
  /** One name on entries of several platforms. */
  | 'TAG_ON_PLATFORMS'
  /** A layer of an image whose type isn't a layer's. */
  | 'LAYER_TYPE_UNKNOWN'
  /** A manifest of the empty config that doesn't say what it is. */
  | 'ARTIFACT_TYPE_ABSENT'
  /** A foreign layer that isn't here, but has urls. */
  | 'FOREIGN_LAYER_ABSENT'
  /** A config that lists more or fewer diffIDs than its manifest lists layers. */
  | 'DIFF_IDS_COUNT'
  /** History that tells of more or fewer layers than there are. */
  | 'HISTORY_COUNT'
  /** A descriptor's platform isn't its config's. */
  | 'PLATFORM_MISMATCH'
  /** A config whose os or architecture is empty. */
  | 'PLATFORM_EMPTY'
  /** A descriptor's `data` isn't its blob. */
  | 'DATA_MISMATCH'
  /** A child of a nested index that isn't here: a sparse layout. */
  | 'CHILD_ABSENT'
  /** A subject that isn't here. */
  | 'SUBJECT_ABSENT'
  /** A blob that nothing in the layout names. */
  | 'BLOB_UNREFERENCED'
  /** An unreferenced blob whose name isn't its content. */
  | 'BLOB_MISNAMED'
  /** A file that no layout has. */
  | 'FILE_UNKNOWN'
  /** An earlier entry of an archive with the name of a later one, which other readers may take. */
  | 'FILE_SHADOWED'
  /** A writer's private file, of one at work or one that died. */
  | 'FILE_STAGED'
  /** A layer's bytes aren't what its media type says: another compression, or none. */
  | 'LAYER_TYPE_MISMATCH'
  /** A layer without a byte where a tar should be. */
  | 'LAYER_EMPTY'
  /** Bytes behind a tar's end, which most readers don't see. */
  | 'TAR_TRAILING'
  /** A tar that ends without its two zero blocks. */
  | 'TAR_END_ABSENT'
  /** One path on two entries of a layer. */
  | 'PATH_DUPLICATE'
  /** A path that is both a folder and something else in one layer. */
  | 'PATH_CONFLICT'
  /** A path or the target of a hard link that leads out of the image. */
  | 'PATH_ESCAPES'
  /** An absolute path, or one with `..` that stays inside: readers tidy it up. */
  | 'PATH_UNTIDY'
  /** A hard link to what neither its layer nor one below has. */
  | 'HARDLINK_DANGLING'
  /** A hard link that stands before what it names. */
  | 'HARDLINK_FORWARD'
  /** A whiteout whose name can stand for nothing. */
  | 'WHITEOUT_INVALID'
  /** A whiteout of what no layer below has. */
  | 'WHITEOUT_OF_NOTHING'
  /** An opaque whiteout in the root: it hides all layers below. */
  | 'LAYERS_HIDDEN'

/** One line of fsck. */
export interface Finding {
  readonly severity: Severity
  readonly code: FindingCode
  /** The blob concerned. */
  readonly digest?: string
  /** The digest of the manifest concerned, where its parts don't fit together: in other images they may. */
  readonly image?: string
  /** From index.json down (`index.json/manifests/0/config`), or a file's path. */
  readonly path: string
  /** The name of the tar entry concerned, inside of a layer. */
  readonly entry?: string
  /** Where in the layer: bytes of its tar, or of its compressed file where the compression is at fault. */
  readonly offset?: number
  readonly message: string
}
