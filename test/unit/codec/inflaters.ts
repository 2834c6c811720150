/** The inflaters that gunzip may have, for tests that hold them to one behaviour. */

import { gunzipBy } from '../../../src/codec/gunzip.ts'
import { Inflater, type RawInflater } from '../../../src/codec/inflate.ts'
import { ZlibInflater } from '../../../src/codec/zlib/inflater.ts'
import { isOciError } from '../../../src/errors.ts'
import { type ByteSource, concat } from '../../../src/streams.ts'

/** By whose they are. */
export const inflaters = {
  ours: async (): Promise<RawInflater> => new Inflater(),
  zlib: (): Promise<RawInflater> => ZlibInflater.create(),
} as const

/** Bytes by which zlib may be further than ours at a fault: a match with all of its bits spans so many. */
export const offsetBound = 7

/** What gunzip made of a file. */
export interface Gunzipped {
  /** All that was given, also before a fault. */
  readonly content: Uint8Array
  /** Why it was refused, if it was. */
  readonly reason: string | undefined
  readonly offset: number
}

/** Reads a file by one of the inflaters. */
export async function gunzipped(inflater: () => Promise<RawInflater>, gz: ByteSource): Promise<Gunzipped> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of gunzipBy(inflater, gz)) chunks.push(chunk)
    return { content: concat(chunks), reason: undefined, offset: 0 }
  } catch (error) {
    if (!isOciError(error, 'GZIP_INVALID')) throw error
    const { reason, offset = -1 } = error.data
    return { content: concat(chunks), reason, offset }
  }
}
