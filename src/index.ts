/** The public names of `ocidir`. Written by hand: what isn't here is nobody's business. */

export type { Artifact } from './artifact.ts'
export type { BlobOptions, ExpectedBlob } from './blob.ts'
export { BlobWriter } from './blob.ts'
export { canonicalJson } from './canonical-json.ts'
export { type Codec, type CodecOptions, type Decoder, identity } from './codec/codec.ts'
export type { ChoiceOptions } from './copy/choice.ts'
export { type CloneOptions, type CopyOptions, type CopyResult, cloneTo, copy } from './copy/copy.ts'
export type { CopyCounts } from './copy/tally.ts'
export { blobPath, createHasher, type DigestAlgorithm, digestOf, isDigest } from './digest.ts'
export type { Document } from './document.ts'
export { type Engine, type EngineOptions, engine } from './engine.ts'
export {
  isOciError,
  OciError,
  type OciErrorCode,
  type OciErrorData,
  type UnsupportedKind,
} from './errors.ts'
export type { Finding, FindingCode, Severity } from './findings.ts'
export { type FsckCounts, type FsckOptions, type FsckResult, fsck } from './fsck.ts'
export type {
  FindPath,
  LayerCheck,
  LayerContent,
  LayerFinding,
  LayerLooks,
  LayerReport,
  LookOptions,
} from './fsck-layers.ts'
export { type GcBlob, type GcOptions, type GcResult, gc } from './gc.ts'
export { type Hashing, hashing } from './hashing.ts'
export {
  type ContainerChanges,
  configure,
  type Draft,
  draft,
  type ImageChanges,
  layersOf,
  type PushOptions,
  pushLayer,
} from './image.ts'
export { type Tag, tagOf } from './index-json.ts'
export {
  type Layer,
  type LayerOptions,
  type LayerSource,
  LayerWriter,
  type ReadLayerOptions,
} from './layer.ts'
export type { Layout } from './layout.ts'
export type { ForeignKind } from './layout-names.ts'
export { defaultLimits, type Limits } from './limits.ts'
export { OciDir, type OpenOptions } from './oci-dir.ts'
export type { ConcurrencyOptions } from './parallel.ts'
export {
  formatPlatform,
  matchesPlatform,
  type PlatformRequest,
  parsePlatform,
  platformOfConfig,
} from './platform.ts'
export type { Progress, ProgressOptions } from './progress.ts'
export type { Ref } from './reference.ts'
export { type ReferrersOptions, referrers } from './referrers.ts'
export { type RepairOptions, type RepairResult, repair } from './repair/repair.ts'
export type { RepairAction, RepairKind } from './repair/work.ts'
export type { Image, ResolveOptions } from './resolve.ts'
export { adviceFor, type FsckRule, fsckRules } from './rules.ts'
export {
  type Annotations,
  annotationKeys,
  type ContainerConfig,
  type Descriptor,
  type Digest,
  emptyDescriptor,
  type History,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  type JsonObject,
  type JsonValue,
  type LayoutMarker,
  mediaTypes,
  type Platform,
} from './spec.ts'
export type {
  AbortOptions,
  AdoptedFile,
  BlobPath,
  DocumentEdit,
  DocumentPath,
  HashedBytes,
  Hasher,
  LayoutPath,
  NamedFile,
  NativeTools,
  RangeOptions,
  ReadableStorage,
  RemoveOptions,
  ResumableFile,
  ResumeOptions,
  SavedHasher,
  SeenBlob,
  SourceNode,
  StagedFile,
  StageOptions,
  StorageAdapter,
  StorageEntry,
  StorageTraits,
  StoredFile,
  TarSource,
  UpdateOptions,
} from './storage.ts'
export type { ByteSource } from './streams.ts'
export { type Recompression, type TranscodeLayerOptions, transcodeLayer } from './transcode/layer.ts'
export {
  type TranscodedLayer,
  type TranscodeOptions,
  type TranscodeResult,
  transcode,
} from './transcode/transcode.ts'
export type { InsertOptions, WriteImageOptions } from './write-image.ts'
