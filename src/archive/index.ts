/** The entry `./archive`: layouts in archives. Written by hand: what isn't here is nobody's business. */

export { type ArchiveOptions, type ArchiveSource, archive } from './archive.ts'
export { type ArchiveLimits, defaultArchiveLimits } from './limits.ts'
