/** `ocidir gc`: blobs that nothing names, removed. */

import { type GcBlob, type GcResult, gc, type ReadableStorage } from '../../src/index.ts'
import { ageArg, first, formatOption, parseCommand, wantsJson } from '../args.ts'
import { type Command, Failure, type Io } from '../command.ts'
import { openDisk, storageOf } from '../place.ts'
import { parseLayout } from '../reference.ts'
import { counted, formatBytes } from '../text.ts'

const options = {
  ...formatOption,
  'dry-run': { type: 'boolean' },
  force: { type: 'boolean' },
  'older-than': { type: 'string' },
  'shared-with': { type: 'string', multiple: true },
} as const

/** Removes what index.json doesn't reach. */
export const gcCommand: Command = {
  name: 'gc',
  summary: 'remove blobs that nothing names',
  help: `Usage: ocidir gc LAYOUT [--dry-run] [--force] [--older-than AGE] [--shared-with LAYOUT]… [--format json]

Removes the blobs that index.json doesn't reach, and what writers that died left behind. It is safe beside writers:
nothing goes that index.json names. Other files are never touched. Where a manifest or index is missing or altered, what
it named can't be told, and gc refuses: "ocidir fsck --repair" comes first.

The blobs removed go to stdout, a line each: digest, bytes. Their sum goes to stderr.

  --dry-run             remove nothing, print what would go
  --force               remove also what only a missing or altered document may have named
  --older-than AGE      leave what is younger, as 90s, 30m, 24h, 7d; unless given, blobs of any age go, and what
                        writers left behind after 24h. A short AGE also takes what a writer at work has not yet
                        finished: it then fails, to be run again
  --shared-with LAYOUT  a layout that reads its blobs from this one: what it reaches stays
  --format json         { dryRun, removed: [{ digest, size }], bytes, kept, swept, broken }
`,

  async run(args, io) {
    const { values, positionals } = parseCommand(args, options, { min: 1, names: 'LAYOUT' })
    const json = wantsJson(values)
    const age = ageArg('older-than', values['older-than'])
    const dryRun = values['dry-run'] === true
    const sharedWith: ReadableStorage[] = []
    for (const text of values['shared-with'] ?? [])
      sharedWith.push(await storageOf(await parseLayout(text, does), io))
    const dir = await openDisk(await parseLayout(first(positionals), does), io)
    const result = await gc(dir, {
      dryRun,
      sharedWith,
      sweepOlderThan: age,
      signal: io.signal,
      onProgress: ({ documents }) => io.progress.show(`${counted(documents, 'document')} read`),
      ...(age !== undefined && { keep: youngerThan(age) }),
      ...(!(dryRun || values.force) && { onBroken: refuseBroken }),
    })
    await io.progress.clear()
    await (json ? io.out.json({ dryRun, ...result }) : printText(result, dryRun, io))
    return 0
  },
}

const does = 'gc is for'

/** What a damaged document named is what may still be saved. */
function refuseBroken([digest, ...others]: readonly string[]): never {
  const what = others.length > 0 ? `${digest} and ${others.length} more are` : `${digest} is`
  throw new Failure(
    `${what} missing or altered, and what only such a document names would go: mend it by "ocidir fsck --repair", or give --force`,
  )
}

/** One age for all of them: what is written meanwhile is young. */
function youngerThan(age: number): (blob: GcBlob) => boolean {
  const since = Date.now() - age
  return ({ modified = Number.POSITIVE_INFINITY }) => modified > since
}

async function printText(result: GcResult, dryRun: boolean, { out, err }: Io): Promise<void> {
  for (const { digest, size } of result.removed) await out.line(`${digest}\t${size}`)
  await out.flush()
  const did = dryRun ? 'would remove' : 'removed'
  const sums = [
    `${did} ${counted(result.removed.length, 'blob')} (${formatBytes(result.bytes)})`,
    `${result.kept} kept`,
    ...(dryRun ? [] : [`${counted(result.swept, 'leftover')} swept`]),
    ...(result.broken.length > 0
      ? [`${counted(result.broken.length, 'document')} missing or altered: fsck --repair first`]
      : []),
  ]
  await err.line(sums.join(', '))
}
