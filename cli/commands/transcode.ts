/** `ocidir transcode`: an image's layers in another compression. */

import { realpath } from 'node:fs/promises'
import {
  type Descriptor,
  OciDir,
  type Platform,
  type Ref,
  type TranscodedLayer,
  type TranscodeResult,
  tagOf,
  transcode,
} from '../../src/index.ts'
import { formatOption, parseCommand, platformArg, wantsJson } from '../args.ts'
import { codecFor, codecHelp, codecOptions, decoders } from '../codec.ts'
import { type Command, type Io, UsageError } from '../command.ts'
import { checkTarget, openPlace, openReference, storageAt } from '../place.ts'
import { parseLayout, parseReference, type Reference } from '../reference.ts'
import { counted, formatBytes, formatProgress, printable } from '../text.ts'
import { entryRow, printSums, sumsOf, transferring } from '../transfer.ts'

const options = {
  ...formatOption,
  ...codecOptions,
  all: { type: 'boolean' },
  jobs: { type: 'string' },
  platform: { type: 'string' },
  recompress: { type: 'boolean' },
} as const

/** Gives layers another compression. */
export const transcodeCommand: Command = {
  name: 'transcode',
  summary: 'give the layers of an image another compression',
  help: `Usage: ocidir transcode REF DST[:TAG] --compression C [--level N] [--recompress] [--platform P] [--jobs N]
       ocidir transcode --all LAYOUT DST --compression C …

Copies what REF names into the layout DST, as "ocidir copy" does, with its layers in another compression: an index
whole, each layer once. What is in the layers stays byte for byte, and so do their diffIDs, which are checked, and the
configs. Layers that are in this compression already, foreign layers and artifacts are copied as they are. Within one
layout the new image needs a TAG; the old one's own moves it. What refers to the old image (signatures, attestations)
goes on referring to that. A layer that was ended in its midst is begun anew.

${codecHelp}  --recompress         layers that are in this compression already, too: to make them canonical, or of another level
  --all                everything that LAYOUT lists
  --platform P         of an index the image for os/architecture[/variant] alone
  --jobs N             how many layers or blobs are under way at once (4)
  --format json        { entries: [{ tag, digest, mediaType, size }], layers: [{ digest, size, diffId, before: {
                       digest, size } }], copied, shared, resumed, present, bytes, unverified, absent }: the counts of
                       what was copied
`,

  async run(args, io) {
    const { values, positionals } = parseCommand(args, options, { min: 2, names: 'REF DST[:TAG]' })
    const json = wantsJson(values)
    const { all = false, compression, recompress } = values
    if (compression === undefined) throw new UsageError('--compression is missing: what the layers become')
    const codec = codecFor(values)
    const platform = platformArg(values.platform)
    const common = { ...transferring(values, io), codec, codecs: decoders, recompress }
    const [source = '', text = ''] = positionals
    const target = await targetOf(text, source)
    if (all && (platform !== undefined || target.tag !== undefined))
      throw new UsageError('--all is every image under its name, for every platform')
    // All that is asked for is looked up before anything is made.
    const { dir, refs } = await sourceOf(source, io, { all, platform })
    const to = await OciDir.ensure(storageAt(target.path, io), { signal: io.signal })
    const result = await transcode(dir, to, {
      ...{ ...common, refs, platform, as: target.tag },
      onProgress: progress => io.progress.show(`done: ${formatProgress(progress)}`),
    })
    await printLayers(result.layers, compression, io)
    await printSums(result, io)
    await (json ? io.out.json(dataOf(result)) : printEntries(result, io))
    return 0
  },
}

async function targetOf(text: string, source: string): Promise<Reference> {
  const target = await parseReference(text)
  await checkTarget(target)
  if (target.digest !== undefined)
    throw new UsageError('the second argument is DST or DST:TAG: where to put it')
  const from = await parseReference(source)
  if (target.tag === undefined && (await isSamePlace(from, target)))
    throw new UsageError(`within one layout the new image needs a tag: ${target.path}:TAG`)
  return target
}

async function isSamePlace(a: Reference, b: Reference): Promise<boolean> {
  if (!a.exists || !b.exists) return false
  return (await realpath(a.path)) === (await realpath(b.path))
}

interface Source {
  readonly dir: OciDir
  /** All that it lists unless given. */
  readonly refs: readonly [Ref] | undefined
}

async function sourceOf(
  text: string,
  io: Io,
  { all, platform }: { readonly all: boolean; readonly platform: Platform | undefined },
): Promise<Source> {
  if (all) return { dir: await openPlace(await parseLayout(text, '--all takes'), io), refs: undefined }
  const { dir, ref } = await openReference(text, io, platform)
  await dir.resolve(ref, { platform, signal: io.signal })
  return { dir, refs: [ref] }
}

async function printLayers(
  layers: readonly TranscodedLayer[],
  compression: string,
  { err, progress }: Io,
): Promise<void> {
  await progress.clear()
  const before = layers.reduce((sum, layer) => sum + layer.before.size, 0)
  const after = layers.reduce((sum, layer) => sum + layer.after.descriptor.size, 0)
  const sizes = layers.length > 0 ? `: ${formatBytes(after)}, ${formatBytes(before)} before` : ''
  const form = compression === 'none' ? 'uncompressed' : `in ${compression}`
  if (layers.length === 0) await err.line(`no layer had to change: all are ${form} (--recompress: anew)`)
  else await err.line(`${counted(layers.length, 'layer')} ${form}${sizes}`)
}

async function printEntries({ entries }: TranscodeResult, { out }: Io): Promise<void> {
  for (const entry of entries) await out.line(`${printable(tagOf(entry) ?? '-')}\t${entry.digest}`)
}

function dataOf(result: TranscodeResult): object {
  const blobOf = ({ digest, size }: Descriptor): object => ({ digest, size })
  const layers = result.layers.map(({ before, after: { descriptor, diffId } }) => ({
    ...blobOf(descriptor),
    diffId,
    before: blobOf(before),
  }))
  return { entries: result.entries.map(entryRow), layers, ...sumsOf(result) }
}
