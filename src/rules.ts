/** The rules of fsck in words: what each code means, what to do, and the clause behind it. docs/fsck.md is made of it. */

import type { OciErrorCode } from './errors.ts'
import type { FindingCode, Severity } from './findings.ts'

/** A rule of `fsck`: its id is the finding's code, which never changes its meaning. */
export interface FsckRule {
  readonly code: FindingCode
  /** The severities that its findings come with. */
  readonly severities: readonly Severity[]
  readonly meaning: string
  /** One line: what to do. */
  readonly advice: string
  /** Where the image specification (or the format's own) speaks of it. */
  readonly clause: string
}

/**
 * One line of advice for a finding's code: what to do about it.
 *
 * @example
 * for (const { code, message } of findings) console.log(code, message, adviceFor(code))
 */
export function adviceFor(code: FindingCode): string {
  const [, , advice] = rules[code] ?? []
  return advice ?? 'The storage, not the layout, failed: see the message, and check again.'
}

/** Every rule of `fsck`, those left out that a failing storage stands behind (`STORAGE_…`). */
export function fsckRules(): FsckRule[] {
  return Object.entries(rules).map(([code, [severities, meaning, advice, clause]]) => {
    return {
      code: code as FindingCode,
      severities: severities.split(', ') as Severity[],
      meaning,
      advice,
      clause,
    }
  })
}

type Words = readonly [severities: string, meaning: string, advice: string, clause: string]
type Rules = Readonly<
  Record<Exclude<FindingCode, OciErrorCode>, Words> & Partial<Record<OciErrorCode, Words>>
>

const again = 'Copy the image again from where it came from'

const rules: Rules = {
  // The layout.
  LAYOUT_MISSING: [
    'error',
    'no oci-layout file',
    'Add oci-layout: {"imageLayoutVersion":"1.0.0"}.',
    'image-layout.md, oci-layout file',
  ],
  LAYOUT_INVALID: [
    'error',
    'oci-layout is not version 1.0.0 of a marker',
    'Write oci-layout anew: {"imageLayoutVersion":"1.0.0"}.',
    'image-layout.md, oci-layout file',
  ],
  INDEX_MISSING: [
    'error',
    'no index.json',
    'Copy the layout again: without index.json no image can be named.',
    'image-layout.md, index.json file',
  ],
  STORAGE_LOST: [
    'warning',
    'the medium held the layout and lost it',
    'Put the images there again; keep a copy elsewhere.',
    '-',
  ],
  // Documents.
  DOCUMENT_INVALID: [
    'error',
    'a document is not what the specification says',
    'Make the image again with a tool that follows the specification.',
    'image-index.md, manifest.md, config.md',
  ],
  MEDIA_TYPE_UNEXPECTED: [
    'error',
    "a document's mediaType does not fit its place",
    'Trust neither: the document may be a manifest to one reader and an index to another.',
    'manifest.md, image-index.md: mediaType',
  ],
  DIGEST_INVALID: [
    'error',
    'a digest that is not in the grammar',
    'Correct the descriptor; what it names cannot be told.',
    'descriptor.md, digests',
  ],
  DIGEST_UNSUPPORTED: [
    'info',
    'a digest of an algorithm that is not verified here',
    'Verify it with a tool that knows the algorithm.',
    'descriptor.md, registered algorithms',
  ],
  DATA_MISMATCH: [
    'error',
    'the embedded data is not the blob',
    'Remove data from the descriptor, or correct it.',
    'descriptor.md, data',
  ],
  LIMIT_EXCEEDED: [
    'error, warning, info',
    'more than a named bound allows (warning: not all of a layer was looked at; info: not all findings are listed)',
    'If the layout is from somebody you trust, raise the limit and check again.',
    '-',
  ],
  // Blobs.
  BLOB_MISSING: [
    'error',
    'a blob that is named is not there',
    `Run fsck --repair --from a copy; or copy the image again from where it came from.`,
    'image-layout.md, blobs',
  ],
  SIZE_MISMATCH: [
    'error',
    'a blob has more or fewer bytes than its descriptor says',
    `Run fsck --repair, which corrects an entry that is wrong; a blob that was cut short needs --from a copy.`,
    'descriptor.md, size',
  ],
  DIGEST_MISMATCH: [
    'error',
    "a blob's bytes are not what its name says",
    `Run fsck --repair --from a copy; or copy the image again from where it came from.`,
    'image-layout.md, blobs; descriptor.md, verification',
  ],
  LINK_OUTSIDE: [
    'warning',
    'a file is a link that leads out of the layout',
    'Put the file itself in its place; links are followed only when asked for.',
    '-',
  ],
  BLOB_MISNAMED: [
    'warning',
    "an unreferenced blob's bytes are not what its name says",
    'Run fsck --repair, for it may be what another blob lacks; then gc.',
    'image-layout.md, blobs',
  ],
  BLOB_UNREFERENCED: [
    'info',
    'a blob that nothing names',
    'Nothing; where the layout is sound, gc frees its space.',
    'image-layout.md, blobs',
  ],
  CHILD_ABSENT: [
    'info',
    'a child of a nested index is not here',
    'Nothing, or copy all platforms.',
    'image-index.md, manifests',
  ],
  SUBJECT_ABSENT: [
    'info',
    "a manifest's subject is not here",
    'Nothing: a subject is a weak link.',
    'manifest.md, subject',
  ],
  FOREIGN_LAYER_ABSENT: [
    'info',
    'a layer that is fetched from urls is not here',
    'Nothing: whoever runs the image fetches it.',
    'layer.md, non-distributable layers',
  ],
  FILE_UNKNOWN: [
    'warning, info',
    'a file that is no part of a layout',
    'Remove it if it is yours; it does no harm.',
    'image-layout.md, content',
  ],
  FILE_SHADOWED: [
    'warning',
    'a name stands twice in an archive',
    'Make the archive again: others may read the entry that is hidden.',
    '-',
  ],
  FILE_STAGED: [
    'info',
    "a writer's private file",
    'Nothing, or gc, which sweeps what dead writers left.',
    '-',
  ],
  // Images.
  TAG_DUPLICATE: [
    'warning',
    'two entries of one platform have one name',
    'Remove all but one: readers take the first, or refuse.',
    'annotations.md, ref.name',
  ],
  TAG_ON_PLATFORMS: [
    'info',
    'entries of several platforms have one name',
    'Nothing; an index would be understood by more tools.',
    'annotations.md, ref.name',
  ],
  ARTIFACT_TYPE_ABSENT: [
    'warning',
    'a manifest of the empty config has no artifactType',
    'Set artifactType: nobody can tell what it is.',
    'manifest.md, artifactType',
  ],
  DIFF_IDS_COUNT: [
    'error',
    'not as many diffIDs as layers',
    'Make the config again: it is that of another image.',
    'config.md, rootfs',
  ],
  DIFF_ID_MISMATCH: [
    'error',
    'a layer does not unpack to its diffID',
    'Make the config again from the layers, if you trust these.',
    'config.md, layer DiffID',
  ],
  HISTORY_COUNT: [
    'warning, info',
    'history tells of more or fewer layers than there are',
    'Mark the entries without a layer by empty_layer.',
    'config.md, history',
  ],
  PLATFORM_MISMATCH: [
    'warning',
    "an entry's platform is not its config's",
    'Correct the entry: the image would run on the wrong machine.',
    'image-index.md, platform',
  ],
  PLATFORM_EMPTY: [
    'info',
    'a config names no os or architecture',
    'Set both: they are required.',
    'config.md, architecture, os',
  ],
  LAYER_TYPE_UNKNOWN: [
    'warning',
    "an image's layer of a type that is no layer's",
    'Use a type of layer.md: most tools cannot unpack it.',
    'manifest.md, layers',
  ],
  // Inside of layers, with the option deep.
  LAYER_TYPE_MISMATCH: [
    'error',
    'compressed otherwise than the media type says',
    'Correct the media type, or compress the layer so.',
    'layer.md, +gzip and +zstd media types',
  ],
  LAYER_EMPTY: [
    'warning',
    'no bytes where a tar should be',
    'Store an empty tar: 1,024 zeros.',
    'layer.md, distributable format',
  ],
  GZIP_INVALID: [
    'error',
    'gzip that is cut short, damaged or followed by junk',
    `${again}, or compress the layer again.`,
    'RFC 1952; layer.md, +gzip media types',
  ],
  ZSTD_INVALID: [
    'error',
    'zstd that is cut short, damaged or followed by junk',
    `${again}, or compress the layer again.`,
    'RFC 8878; layer.md, +zstd media types',
  ],
  UNSUPPORTED: [
    'warning',
    'a zstd dictionary, or a sparse format of tar that nobody has described',
    'Pack the layer again without it: other tools will not read it either.',
    '-',
  ],
  TAR_INVALID: [
    'error',
    'not a tar, or one that is cut short or damaged',
    'Pack the layer again; readers stop here, or guess.',
    'layer.md, distributable format; POSIX, pax',
  ],
  TAR_TRAILING: [
    'warning',
    "bytes behind a tar's end",
    'Look at what hides there, and pack the layer again.',
    'POSIX, pax',
  ],
  TAR_END_ABSENT: [
    'info',
    'a tar without its two end blocks',
    'Nothing; if the layer should be longer, pack it again.',
    'POSIX, pax',
  ],
  PATH_DUPLICATE: [
    'warning, info',
    'a path is there twice (info: a folder)',
    'Pack the layer again with each path once.',
    'layer.md, distributable format',
  ],
  PATH_CONFLICT: [
    'error, warning',
    'a path is a folder and something else (warning: below a symlink)',
    'Pack the layer again: what comes out depends on the tool.',
    'layer.md, applying changesets',
  ],
  PATH_ESCAPES: [
    'error',
    "a path or a hard link's target leads out of the image",
    'Do not unpack it: it may write outside of its folder.',
    'layer.md, applying changesets',
  ],
  PATH_UNTIDY: [
    'info',
    'an absolute path, or one with .. that stays inside',
    'Nothing; a relative path is understood by all tools.',
    'layer.md, applying changesets',
  ],
  HARDLINK_DANGLING: [
    'error',
    'a hard link to no file of its layer or of one below',
    'Pack the layer again with the file that it names.',
    'layer.md, file attributes',
  ],
  HARDLINK_FORWARD: [
    'warning',
    'a hard link before the file that it names',
    'Pack the layer again, the file first: most tools fail here.',
    'layer.md, file attributes',
  ],
  WHITEOUT_INVALID: [
    'error',
    'a whiteout whose name stands for nothing',
    'Remove the entry.',
    'layer.md, whiteouts',
  ],
  WHITEOUT_OF_NOTHING: ['info', 'a whiteout of what no layer below has', 'Nothing.', 'layer.md, whiteouts'],
  LAYERS_HIDDEN: [
    'info',
    'an opaque whiteout in the root',
    'Nothing, if no file of the layers below should be seen.',
    'layer.md, opaque whiteout',
  ],
}
