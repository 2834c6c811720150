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

/** One line of fsck. */
export interface Finding {
  readonly severity: Severity
  readonly code: FindingCode
  /** The blob concerned. */
  readonly digest?: string
  /** From index.json down (`index.json/manifests/0/config`), or a file's path. */
  readonly path: string
  readonly message: string
}
