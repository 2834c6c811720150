// A layout of 10,000 tags: find one, and its referrers; whole processes beside the crate, regctl and oras.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findTool } from '../scripts/provision.mjs'
import { pair, run, table } from './measure.mjs'
import { crate } from './peers.mjs'

const top = fileURLToPath(new URL('..', import.meta.url))
const manifestType = 'application/vnd.oci.image.manifest.v1+json'

/** The table, every peer measured in turn with ours. */
export async function tagsTable(work, { runs, count }) {
  const { layout, tag, subject } = makeLayout(join(work, 'tags'), count)
  const ours = (...args) => run(process.execPath, [join(top, 'dist/node/ocidir.js'), ...args])
  const found = `${layout}:${tag}`
  const rows = [['whole process', 'ocidir ms', 'peer ms', 'ratio']]
  const tasks = {
    'find one tag': [() => ours('manifest', found), peersOfTag({ layout, tag })],
    'its referrers': [() => ours('referrers', found), peersOfReferrers({ layout, tag, subject })],
  }
  for (const [task, [own, peers]] of Object.entries(tasks)) {
    for (const [name, command, args] of peers) {
      const { a, b, ratio } = await pair(own, () => run(command, args), runs)
      rows.push([`${task}, beside ${name}`, ms(a), ms(b), ratio.toFixed(2)])
    }
  }
  const bare = await run(process.execPath, ['-e', '0'])
  return `${table(rows)}\n\nNode alone, without a program: ${ms(bare)} ms.`
}

function peersOfTag({ layout, tag }) {
  return present([
    ['the crate', crate(), ['tag', layout, tag]],
    ['regctl', findTool('regctl'), ['image', 'digest', `ocidir://${layout}:${tag}`]],
    ['oras', findTool('oras'), ['resolve', '--oci-layout', `${layout}:${tag}`]],
  ])
}

function peersOfReferrers({ layout, tag, subject }) {
  return present([
    ['the crate', crate(), ['referrers', layout, subject]],
    ['regctl', findTool('regctl'), ['artifact', 'list', `ocidir://${layout}:${tag}`]],
    ['oras', findTool('oras'), ['discover', '--oci-layout', `${layout}:${tag}`]],
  ])
}

function present(peers) {
  return peers.filter(([, command]) => command !== undefined)
}

/** Images of one layer, one tag each; the one that is asked for has two referrers at the end of index.json. */
function makeLayout(layout, count) {
  const blobs = join(layout, 'blobs/sha256')
  mkdirSync(blobs, { recursive: true })
  const put = (mediaType, value) => {
    const bytes = Buffer.from(JSON.stringify(value))
    const hex = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(blobs, hex), bytes)
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length }
  }
  const layer = put('application/vnd.oci.image.layer.v1.tar', 'a layer')
  const platform = { architecture: 'amd64', os: 'linux' }
  const manifest = fields => put(manifestType, { schemaVersion: 2, mediaType: manifestType, ...fields })
  const manifests = Array.from({ length: count }, (_, i) => {
    const rootfs = { type: 'layers', diff_ids: [layer.digest] }
    const config = put('application/vnd.oci.image.config.v1+json', { ...platform, author: `${i}`, rootfs })
    const annotations = { 'org.opencontainers.image.ref.name': `tag-${i}` }
    return { ...manifest({ config, layers: [layer] }), platform, annotations }
  })
  const asked = Math.floor(count * 0.9)
  const { platform: _platform, annotations: _annotations, ...subject } = manifests[asked]
  const empty = put('application/vnd.oci.empty.v1+json', {})
  for (const artifactType of ['application/vnd.example.sbom', 'application/vnd.example.signature']) {
    manifests.push({ ...manifest({ artifactType, config: empty, layers: [empty], subject }), artifactType })
  }
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, mediaType, manifests }))
  return { layout, tag: `tag-${asked}`, subject: subject.digest }
}

function ms({ seconds }) {
  return (seconds * 1000).toFixed(0)
}
