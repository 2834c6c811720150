/** `ocidir copy`: images into a layout. */

import {
  type CopyOptions,
  type CopyResult,
  copy,
  OciDir,
  type Platform,
  type Tag,
  tagOf,
} from '../../src/index.ts'
import { formatOption, parseCommand, platformArg, quoted, wantsJson } from '../args.ts'
import { type Command, type Io, UsageError } from '../command.ts'
import { checkTarget, openPlace, openReference, storageAt } from '../place.ts'
import { parseLayout, parseReference, type Reference } from '../reference.ts'
import { printable } from '../text.ts'
import { entryRow, printSums, sumsOf, transferHelp, transferOptions, transferring } from '../transfer.ts'

const options = {
  ...formatOption,
  ...transferOptions,
  all: { type: 'boolean' },
  platform: { type: 'string' },
  referrers: { type: 'boolean' },
} as const

/** Copies images into a layout. */
export const copyCommand: Command = {
  name: 'copy',
  summary: 'copy images from layouts into a layout',
  help: `Usage: ocidir copy REF… DST[:TAG] [--platform P] [--referrers] [--link] [--jobs N] [--format json]
       ocidir copy --all LAYOUT… DST

Copies what each REF names into the layout DST, which is made where there is none: bytes as they are, verified on the
way, an index whole; blobs that DST has aren't moved, and a copy that was ended goes on where it was. An image keeps its
name, or gets TAG; the name is taken from the image that had it in DST.

  --all           everything that LAYOUT lists
  --platform P    of an index the image for os/architecture[/variant] alone
  --referrers     what refers to it too: signatures, SBOMs, attestations
${transferHelp}[{ entries: [{ tag, digest, mediaType, size }], copied, shared, resumed, present, bytes,
                  unverified, absent }], one for each REF
`,

  async run(args, io) {
    const { values, positionals } = parseCommand(args, options, { min: 2, max: 1e6, names: 'REF… DST[:TAG]' })
    const json = wantsJson(values)
    const target = await targetOf(positionals)
    const platform = platformArg(values.platform)
    if (values.all && (platform !== undefined || target.tag !== undefined))
      throw new UsageError('--all copies every image under its name, for every platform')
    const common = { ...transferring(values, io), platform, as: target.tag, referrers: values.referrers }
    // All that is asked for is looked up before anything is made.
    const sources: Source[] = []
    for (const text of positionals.slice(0, -1)) {
      sources.push(values.all ? await wholeSource(text, io) : await sourceOf(text, io, platform))
    }
    refuseSameNames(sources)
    const dir = await OciDir.ensure(storageAt(target.path, io, { hardLinks: values.link === true }), {
      signal: io.signal,
    })
    const results: CopyResult[] = []
    for (const { from, refs } of sources) {
      const result = await copy(from, dir, { ...common, refs })
      await printSums(result, io)
      results.push(result)
    }
    await (json ? io.out.json(results.map(dataOf)) : printEntries(results, io))
    return 0
  },
}

interface Source {
  readonly from: OciDir
  readonly refs: CopyOptions['refs']
  readonly tags: readonly Tag[]
}

async function targetOf(positionals: readonly string[]): Promise<Reference> {
  const target = await parseReference(positionals.at(-1) ?? '')
  await checkTarget(target)
  if (target.digest !== undefined)
    throw new UsageError('the last argument is DST or DST:TAG: where to copy to')
  if (target.tag === undefined || positionals.length === 2) return target
  throw new UsageError(`only one image can be named ${quoted(target.tag)}`)
}

async function sourceOf(text: string, io: Io, platform: Platform | undefined): Promise<Source> {
  const { dir, ref } = await openReference(text, io, platform)
  const descriptor = await dir.resolve(ref, { platform, signal: io.signal })
  const tag = typeof ref === 'object' && 'tag' in ref ? ref.tag : tagOf(descriptor)
  return { from: dir, refs: [ref], tags: tag === undefined ? [] : [{ tag, descriptor }] }
}

async function wholeSource(text: string, io: Io): Promise<Source> {
  const reference = await parseLayout(text, '--all copies')
  const from = await openPlace(reference, io)
  return { from, refs: undefined, tags: await from.tags({ signal: io.signal }) }
}

/** Of two images with one name the second would take it from the first, which would be lost without a word. */
function refuseSameNames(sources: readonly Source[]): void {
  const named = new Map<string, { readonly source: Source; readonly digest: string }>()
  for (const source of sources) {
    for (const { tag, descriptor } of source.tags) {
      const other = named.get(tag)
      if (other !== undefined && other.source !== source && other.digest !== descriptor.digest)
        throw new UsageError(`two of the images are named ${quoted(tag)}: copy them one by one, to DST:TAG`)
      named.set(tag, { source, digest: descriptor.digest })
    }
  }
}

function dataOf(result: CopyResult): object {
  return { entries: result.entries.map(entryRow), ...sumsOf(result) }
}

async function printEntries(results: readonly CopyResult[], { out }: Io): Promise<void> {
  for (const { entries } of results) {
    for (const entry of entries) await out.line(`${printable(tagOf(entry) ?? '-')}\t${entry.digest}`)
  }
}
