/** The one image that every runtime and storage builds here. Public names only, as its users would write it. */

import { type Codec, configure, draft, fsck, identity, OciDir, pushLayer, type StorageAdapter } from 'ocidir'
import { gzip } from 'ocidir/gzip'
import { type EntriesOptions, entriesOf } from 'ocidir/tar'

type Source = Parameters<typeof entriesOf>[0]

/** What stands for each way of building: its manifest's digest, checked by fsck. */
export async function buildAll(
  storage: () => Promise<StorageAdapter>,
  source: Source,
  options: EntriesOptions,
): Promise<Record<string, string>> {
  const digests: Record<string, string> = {}
  const codecs: readonly (readonly [string, Codec])[] = [
    ['plain', identity],
    ['gzip 1', gzip({ level: 1 })],
    ['gzip 6', gzip({ level: 6 })],
  ]
  for (const [name, codec] of codecs) {
    const dir = await OciDir.ensure(await storage())
    const layer = await dir.writeLayer(entriesOf(source, { ...options, prefix: 'app/' }), { codec })
    const empty = draft({ os: 'linux', architecture: 'amd64' })
    const image = configure(pushLayer(empty, layer, { createdBy: 'COPY . /app' }), { Cmd: ['/app/run'] })
    const { descriptor } = await dir.writeImage(image, { tag: name })
    const { ok } = await fsck(dir.storage)
    digests[name] = ok ? descriptor.digest : 'not sound'
  }
  return digests
}
