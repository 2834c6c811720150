/** `ocidir build`: an image of layers, on a base or on nothing. */

import { hostPlatform } from '../../adapters/node/index.ts'
import {
  type Codec,
  configure,
  type Draft,
  draft,
  formatPlatform,
  type Image,
  layersOf,
  matchesPlatform,
  OciDir,
  type Platform,
  pushLayer,
} from '../../src/index.ts'
import { first, formatOption, type Parsed, parseCommand, platformArg, wantsJson } from '../args.ts'
import { codecFor, codecHelp, codecOptions } from '../codec.ts'
import { type Command, Failure, type Io, UsageError } from '../command.ts'
import { containerEdit } from '../container.ts'
import { createdTime, sourceDateEpoch } from '../dates.ts'
import { createdBy, type LayerInput, layerInputs, layerSource, nameOf, refuseWithin } from '../layer-input.ts'
import { checkTarget, type DiskLayout, openReference, storageAt } from '../place.ts'
import { platformOfImage } from '../readable.ts'
import { parseTarget, type Reference } from '../reference.ts'
import { formatProgress, printable } from '../text.ts'

const options = {
  ...formatOption,
  ...codecOptions,
  base: { type: 'string' },
  layer: { type: 'string', multiple: true },
  platform: { type: 'string' },
  entrypoint: { type: 'string', multiple: true },
  cmd: { type: 'string', multiple: true },
  env: { type: 'string', multiple: true },
  workdir: { type: 'string' },
  user: { type: 'string' },
  label: { type: 'string', multiple: true },
  created: { type: 'string' },
} as const

/** Builds an image. */
export const buildCommand: Command = {
  name: 'build',
  summary: 'build an image from folders and tars',
  help: `Usage: ocidir build DIR:TAG [--base REF] [--layer TAR|FOLDER[:DEST]|-]… [options]

Builds an image into the layout DIR, which is made if it isn't there, and prints its manifest's digest. The same input
gives the same digest everywhere when SOURCE_DATE_EPOCH (or --created, and files of the same age) is the same.

  --base REF           start from this image, of the same or another layout; its layers are fetched
  --layer FOLDER[:DEST]
                       a layer of the folder's content, put at DEST (the root): owner 0:0, folders 0755, files 0644, or
                       0755 if any may run them, sorted; SOURCE_DATE_EPOCH, if set, is every file's time
  --layer TAR          a layer of a tar, kept byte for byte; a tar.gz or tar.zst is unpacked first and then
                       compressed as --compression says, so its own compressed bytes aren't kept
  --layer -            the same with a tar on stdin; a tar that is cut short or damaged is refused
                       Layers are stacked in the order given, the first below
${codecHelp}  --platform P         os/architecture[/variant]: which image of the base; without a base linux and this machine's
                       architecture by default
  --entrypoint WORD, --cmd WORD
                       one element each, repeatable; or a JSON array, if it begins with "["; [] takes the base's away.
                       A new entrypoint also drops the base's cmd
  --env NAME=VALUE, --label NAME=VALUE
                       repeatable; replaces the base's of the same name
  --workdir PATH, --user USER
  --created TIME       RFC 3339; SOURCE_DATE_EPOCH by default, else now
  --format json        { digest, mediaType, size, platform, tag, layers: [{ digest, size, diffId }], config }
`,
  wordOptions: ['entrypoint', 'cmd'],

  async run(args, io) {
    const { values, positionals } = parseCommand(args, options, { min: 1, names: 'DIR:TAG' })
    const json = wantsJson(values)
    const plan = await planOf(first(positionals), values, io)
    const image = await build(plan, io)
    await io.progress.clear()
    await (json ? io.out.json(resultOf(image)) : io.out.line(image.descriptor.digest))
    return 0
  },
}

type Values = Parsed<typeof options>['values']

/** Everything that can be wrong about a call is found out before the layout is touched. */
interface Plan {
  readonly target: Reference & { readonly tag: string }
  readonly start: Draft
  readonly inputs: readonly LayerInput[]
  readonly codec: Codec
  readonly created: string
  /** SOURCE_DATE_EPOCH. */
  readonly epoch: number | undefined
}

async function planOf(text: string, values: Values, io: Io): Promise<Plan> {
  const codec = codecFor(values)
  const epoch = sourceDateEpoch(io.env)
  const created = createdTime(values.created, epoch)
  const platform = platformArg(values.platform)
  containerEdit(values)
  const target = await parseTarget(text)
  const inputs = await layerInputs(values.layer ?? [])
  if (inputs.some(({ kind }) => kind === 'stdin') && io.stdin.isTTY) {
    throw new UsageError('--layer - reads a tar from stdin, which is a terminal')
  }
  await refuseWithin(inputs, target.path)
  await checkTarget(target)
  const base = values.base === undefined ? undefined : await openBase(values.base, platform, io)
  const begun = base === undefined ? draft(platform ?? hostPlatform()) : draftOn(base, platform)
  const start = configure(begun, containerEdit(values, begun.config.config ?? {}), { created })
  return { target, start, inputs, codec, created, epoch }
}

async function build({ target, start, inputs, codec, created, epoch }: Plan, io: Io): Promise<Image> {
  const { signal, stdin, progress } = io
  const dir: DiskLayout = await OciDir.ensure(storageAt(target.path, io), { signal })
  const context = { signal, stdin, mtime: epoch, native: dir.engine.native }
  let image = start
  for (const [i, input] of inputs.entries()) {
    const head = `layer ${i + 1} of ${inputs.length}, ${printable(nameOf(input))}`
    const layer = await dir.writeLayer(layerSource(input, context), {
      codec,
      signal,
      onProgress: step => progress.show(`${head}: ${formatProgress(step)}`),
    })
    image = pushLayer(image, layer, { created, createdBy: createdBy(input) })
  }
  return dir.writeImage(image, {
    tag: target.tag,
    signal,
    onProgress: step => progress.show(`base layers: ${formatProgress(step)}`),
  })
}

/** The base for the platform asked, else the only one, else that of this machine. */
async function openBase(text: string, platform: Platform | undefined, io: Io): Promise<Image> {
  const { signal } = io
  const { dir, ref } = await openReference(text, io, platform)
  if (platform !== undefined) return dir.openImage(ref, { signal, platform })
  const found: Image[] = []
  for await (const image of dir.images(ref, { signal })) {
    found.push(image)
    if (found.length > 1) return dir.openImage(ref, { signal, platform: hostPlatform() })
  }
  return dir.openImage(ref, { signal })
}

/** A draft on a base. A base that names no platform gets the one asked, or this machine's. */
function draftOn(base: Image, asked: Platform | undefined): Draft {
  const platform = platformOfImage(base)
  if (asked !== undefined && platform !== undefined && !matchesPlatform(platform, asked)) {
    throw new Failure(`the base is for ${formatPlatform(platform)}, not ${formatPlatform(asked)}`)
  }
  const begun = draft(base)
  if (begun.config.os && begun.config.architecture) return begun
  return { ...begun, config: { ...begun.config, ...(platform ?? asked ?? hostPlatform()) } }
}

function resultOf(image: Image): object {
  const { digest, mediaType, size } = image.descriptor
  return {
    digest,
    mediaType,
    size,
    platform: platformOfImage(image) ?? null,
    tag: image.tag,
    layers: layersOf(image).map(({ descriptor, diffId }) => {
      return { digest: descriptor.digest, size: descriptor.size, diffId }
    }),
    config: image.config.descriptor.digest,
  }
}
