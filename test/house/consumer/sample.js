// What somebody else writes, in Node and in a page alike, with the package as it is published.
import { configure, draft, fsck, OciDir, pushLayer } from 'ocidir'
import { files } from 'ocidir/files'
import { gzip } from 'ocidir/gzip'
import { memory } from 'ocidir/memory'
import { entriesOf } from 'ocidir/tar'

/** Builds an image in memory, checks it, and reads a file of it back. */
export async function build() {
  const dir = await OciDir.ensure(memory())
  const chosen = [new File(['#!/bin/sh\necho hello\n'], 'run'), new File(['ü'.repeat(400_000)], 'text')]
  const layer = await dir.writeLayer(entriesOf(chosen, { prefix: 'app/', mtime: 0 }), { codec: gzip() })
  const app = configure(pushLayer(draft({ os: 'linux', architecture: 'amd64' }), layer), {
    Cmd: ['/app/run'],
  })
  const image = await dir.writeImage(app, { tag: 'app:1' })
  const { ok, findings } = await fsck(dir.storage)
  const tree = await files(await dir.openImage('app:1'))
  const run = await new Response(tree.stream('app/run')).text()
  return { digest: image.descriptor.digest, ok, findings: findings.length, run }
}
