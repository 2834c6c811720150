/** `ocidir inspect`: what an image is, in one look. */

import { formatPlatform, type Image, layersOf } from '../../src/index.ts'
import { first, formatOption, parseCommand, platformArg, wantsJson } from '../args.ts'
import type { Command } from '../command.ts'
import { jsonText } from '../json.ts'
import type { Output } from '../output.ts'
import { openReference } from '../place.ts'
import { platformOfImage } from '../readable.ts'
import { formatBytes, printable } from '../text.ts'

const options = { ...formatOption, platform: { type: 'string' } } as const

/** Shows an image. */
export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'show what an image is',
  help: `Usage: ocidir inspect REF [--platform P] [--format json]

Shows an image: digest, platform, what a container of it runs, layers with their diffIDs, history, annotations.

  --platform P    which image of an index, as os/architecture[/variant]; else the only one, else linux/amd64
  --format json   { tag, digest, mediaType, size, platform, created, config, configDigest, layers, history,
                    annotations }
`,

  async run(args, io) {
    const { values, positionals } = parseCommand(args, options, { min: 1, names: 'REF' })
    const json = wantsJson(values)
    const platform = platformArg(values.platform)
    const { signal, out } = io
    const { dir, ref } = await openReference(first(positionals), io, platform)
    const found = summaryOf(await dir.openImage(ref, { signal, platform }))
    await (json ? out.json(found) : print(found, out))
    return 0
  },
}

type Summary = ReturnType<typeof summaryOf>

function summaryOf(image: Image) {
  const { descriptor, manifest, config, tag = null } = image
  return {
    tag,
    digest: descriptor.digest,
    mediaType: descriptor.mediaType,
    size: descriptor.size,
    platform: platformOfImage(image) ?? null,
    created: config.value.created ?? null,
    author: config.value.author ?? undefined,
    configDigest: config.descriptor.digest,
    config: config.value.config ?? {},
    layers: layersOf(image).map(({ descriptor: { digest, mediaType, size }, diffId }) => {
      return { digest, mediaType, size, diffId }
    }),
    history: config.value.history ?? [],
    annotations: { ...descriptor.annotations, ...manifest.value.annotations },
  }
}

async function print(found: Summary, out: Output): Promise<void> {
  const { layers, history, config, annotations } = found
  const total = layers.reduce((sum, { size }) => sum + size, 0)
  const heading = (text: string): Promise<void> => out.line(out.paint('bold', text))
  for (const [name, value] of fieldsOf(found)) await out.line(`${`${name}:`.padEnd(12)} ${printable(value)}`)
  if (Object.keys(config).length > 0) await heading('Runs:')
  for (const [name, value] of Object.entries(config)) {
    for (const text of valuesOf(value))
      await out.line(`  ${`${printable(name)}:`.padEnd(12)} ${printable(text)}`)
  }
  await heading(`Layers: ${layers.length} (${formatBytes(total)})`)
  for (const [i, { digest, mediaType, size, diffId }] of layers.entries()) {
    await out.line(`  ${i} ${digest} ${formatBytes(size)} ${printable(mediaType)}`)
    await out.line(`    diffID ${diffId}`)
  }
  if (history.length > 0) await heading('History:')
  for (const { created, created_by: command, comment, empty_layer: isEmpty } of history) {
    const texts = [created ?? '-', command || comment || '-', ...(isEmpty ? ['(no layer)'] : [])]
    await out.line(`  ${texts.map(printable).join('  ')}`)
  }
  if (Object.keys(annotations).length > 0) await heading('Annotations:')
  for (const [name, value] of Object.entries(annotations)) {
    await out.line(`  ${printable(name)}: ${printable(value)}`)
  }
}

function fieldsOf({
  tag,
  digest,
  mediaType,
  size,
  platform,
  created,
  configDigest,
}: Summary): [string, string][] {
  return [
    ['Digest', digest],
    ...(tag === null ? [] : ([['Tag', tag]] satisfies [string, string][])),
    ['Type', `${mediaType} (${formatBytes(size)})`],
    ['Platform', platform === null ? 'unknown' : formatPlatform(platform)],
    ['Created', created ?? 'unknown'],
    ['Config', configDigest],
  ]
}

/** Text a line for lists of assignments (Env, Labels), one line of JSON for commands. */
function valuesOf(value: unknown): string[] {
  if (value === null || value === undefined) return []
  if (typeof value === 'string') return value === '' ? [] : [value]
  if (Array.isArray(value) && value.every(item => typeof item === 'string' && item.includes('=')))
    return value
  return [jsonText(value).replace(/\n */g, ' ')]
}
