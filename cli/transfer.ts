/** What the commands that move blobs between layouts have in common: their options, progress, and last words. */

import { type CloneOptions, type CopyResult, type Descriptor, tagOf } from '../src/index.ts'
import { numberArg } from './args.ts'
import type { Io } from './command.ts'
import { counted, formatBytes, formatProgress, printable } from './text.ts'

/** The options of such a command, beside `--format`. */
export const transferOptions = {
  jobs: { type: 'string' },
  link: { type: 'boolean' },
} as const

/** Their help. */
export const transferHelp = `  --jobs N        how many blobs are under way at once (4)
  --link          where the disk can't clone blocks, make hard links: no room is taken, but each blob is one file
                  under two names, and a program that writes into one in place changes both
  --format json   `

/** The library's options for a call of the command. */
export function transferring({ jobs }: { readonly jobs?: string | undefined }, io: Io): CloneOptions {
  return {
    signal: io.signal,
    concurrency: numberArg('jobs', jobs, { min: 1, max: mostJobs }),
    onProgress: progress => io.progress.show(`copied: ${formatProgress(progress)}`),
  }
}

/** An entry of the target as data. */
export function entryRow(entry: Descriptor): object {
  const { digest, mediaType, size } = entry
  return { tag: tagOf(entry) ?? null, digest, mediaType, size }
}

/** The sums of a copy as data. */
export function sumsOf(result: CopyResult): object {
  const { copied, shared, resumed, present, bytes, unverified, absent } = result
  const digests = (list: readonly Descriptor[]): string[] => list.map(({ digest }) => digest)
  return { copied, shared, resumed, present, bytes, unverified: digests(unverified), absent: digests(absent) }
}

/** Prints the sums of a copy for people. */
export async function printSums(result: CopyResult, { err, progress }: Io): Promise<void> {
  await progress.clear()
  const { copied, shared, resumed, present, bytes, unverified, absent } = result
  const without = shared > 0 ? `, ${shared} without moving a byte` : ''
  const rest = resumed > 0 ? `, ${resumed} from where an earlier copy had ended` : ''
  await err.line(
    `${counted(copied, 'blob')} copied (${formatBytes(bytes)}${without}${rest}), ${present} there already`,
  )
  await note(unverified, 'can be checked here by its size alone', err)
  await note(absent, 'is named, but not in the source', err)
}

async function note(blobs: readonly Descriptor[], text: string, err: Io['err']): Promise<void> {
  for (const { digest, mediaType } of blobs.slice(0, mostNotes))
    await err.line(`note: ${digest} (${printable(mediaType)}) ${text}`)
  if (blobs.length > mostNotes) await err.line(`note: and ${blobs.length - mostNotes} more like that`)
}

const mostJobs = 256
const mostNotes = 10
