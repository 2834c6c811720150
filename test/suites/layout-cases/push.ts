/** Images as values: the crate's `new_empty_manifest` and its five ways to push a layer. */

import { configure, draft, pushLayer } from '../../../src/image.ts'
import { emptyDescriptor, mediaTypes } from '../../../src/spec.ts'
import { same } from '../assert.ts'
import { emptyDir, gzipLayer, here, sameJson, tarballDiffId } from '../layout-material.ts'
import type { StorageCase } from '../storage-case.ts'

const annotations = { 'org.example.layer': 'root' }

export const pushCases: readonly StorageCase[] = [
  {
    name: 'new_empty_manifest: its config is the empty descriptor, size 2, data e30=',
    async run() {
      sameJson(emptyDescriptor, {
        mediaType: 'application/vnd.oci.empty.v1+json',
        digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
        size: 2,
        data: 'e30=',
      })
      sameJson(draft(here), {
        manifest: { schemaVersion: 2, mediaType: mediaTypes.manifest, config: emptyDescriptor, layers: [] },
        config: { ...here, rootfs: { type: 'layers', diff_ids: [] }, history: [] },
      })
    },
  },
  {
    name: 'push_layer: keeps manifest, diffIDs and history in step, and changes no value that was given',
    async run({ storage }) {
      const layer = await gzipLayer(await emptyDir(storage))
      const before = draft(here)
      const once = pushLayer(before, layer, { createdBy: 'root' })
      const twice = pushLayer(once, layer, { createdBy: 'again' })
      sameJson(twice.manifest.layers, [layer.descriptor, layer.descriptor])
      sameJson(twice.config.rootfs, { type: 'layers', diff_ids: [tarballDiffId, tarballDiffId] })
      // The library has no clock: `created` is absent, where the crate writes the time of the call.
      sameJson(twice.config.history, [{ created_by: 'root' }, { created_by: 'again' }])
      sameJson(before, draft(here))
      same(once.manifest.layers.length, 1)
    },
  },
  {
    name: "push_layer_annotated: annotations go to the layer's descriptor",
    async run({ storage }) {
      const layer = await gzipLayer(await emptyDir(storage))
      const { manifest } = pushLayer(draft(here), layer, { createdBy: 'root', annotations })
      sameJson(manifest.layers, [{ ...layer.descriptor, annotations }])
    },
  },
  {
    name: 'push_layer_full: the time is what was given, letter by letter',
    async run({ storage }) {
      const layer = await gzipLayer(await emptyDir(storage))
      const created = '2026-11-24T23:59:59.123456789Z'
      const { config, manifest } = pushLayer(draft(here), layer, { createdBy: 'root', created, annotations })
      sameJson(config.history, [{ created, created_by: 'root' }])
      sameJson(manifest.layers[0]?.annotations, annotations)
    },
  },
  {
    name: 'push_layer_with_history: test_push_layer_with_history: the entry is the one given, {} where none is',
    async run({ storage }) {
      const layer = await gzipLayer(await emptyDir(storage))
      const given = pushLayer(draft(here), layer, { history: { created_by: '/bin/pretend-tar' } })
      sameJson(given.config.history, [{ created_by: '/bin/pretend-tar' }])
      same(given.config.history?.[0] && 'created' in given.config.history[0], false, 'created')
      sameJson(pushLayer(given, layer).config.history, [{ created_by: '/bin/pretend-tar' }, {}])
    },
  },
  {
    name: 'push_layer_with_history_annotated: both, and unknown fields of the entry stay',
    async run({ storage }) {
      const layer = await gzipLayer(await emptyDir(storage))
      const history = { created_by: 'x', 'org.example': 1 }
      const { config, manifest } = pushLayer(draft(here), layer, { history, annotations })
      sameJson(config.history, [history])
      sameJson(manifest.layers[0]?.annotations, annotations)
    },
  },
  {
    name: "push_layer: a base's short history is padded before the new entry",
    async run({ storage }) {
      const dir = await emptyDir(storage)
      const layer = await gzipLayer(dir)
      const two = pushLayer(pushLayer(draft(here), layer), layer)
      const short = { ...two, config: { ...two.config, history: [{ created_by: 'a', empty_layer: true }] } }
      const base = await dir.writeImage(configure(short, { Cmd: ['/run'] }), { tag: 'base' })
      const { config } = pushLayer(draft(base), layer, { createdBy: 'b' })
      sameJson(config.history, [{ created_by: 'a', empty_layer: true }, {}, {}, { created_by: 'b' }])
    },
  },
]
