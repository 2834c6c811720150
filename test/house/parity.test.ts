/** Everything that the Rust crate `ocidir` does has a case of the layout suite that names it. */

import { expect, it } from 'vitest'
import { layoutCases } from '../suites/index.ts'

/** The crate's names (0.7.1, and what 0.7.2 adds), as the cases begin with them. */
const rows = [
  'ensure',
  'open',
  'open_with_external_blobs',
  'dir, blobs_dir',
  'create_blob',
  'complete',
  'complete_verified_as',
  'write_json_blob',
  'write_config',
  'create_custom_layer',
  'create_uncompressed_layer',
  'create_gzip_layer',
  'create_layer',
  'create_layer_zstd, create_layer_zstd_multithread',
  'LayerWriter::complete',
  'push_layer',
  'push_layer_annotated',
  'push_layer_full',
  'push_layer_with_history',
  'push_layer_with_history_annotated',
  'read_blob',
  'has_blob',
  'has_manifest',
  'read_json_blob',
  'read_index',
  'new_empty_manifest',
  'insert_manifest',
  'insert_manifest_and_config',
  'replace_with_single_manifest',
  'find_manifest_with_tag',
  'find_manifest_descriptor_with_tag',
  'open_image_this_platform',
  'clone_to',
  'insert_artifact_manifest',
  'find_referrers',
  'fsck',
  'errors',
]

/** Figures of the crate's own tests. */
const figures = [
  'create_uncompressed_layer: test_uncompressed_layer',
  'push_layer_with_history: test_push_layer_with_history',
  'fsck: test_build',
  'fsck: test_new_empty_manifest',
  'open_image_this_platform: single manifest with platform',
  'open_image_this_platform: single manifest without platform info',
  'open_image_this_platform: insert with native platform',
  'open_image_this_platform: find by tag',
  'open_image_this_platform: missing tag',
  'open_image_this_platform: empty index',
  'open_image_this_platform: no matching platform',
  'open_image_this_platform: nested index',
]

it('every row of the crate has a case, and every case is of a row', () => {
  const named = new Set(layoutCases.map(({ name }) => name.slice(0, name.indexOf(': '))))
  expect([...named].sort()).toEqual([...rows].sort())
})

it("every figure of the crate's own tests has a case", () => {
  const without = figures.filter(figure => !layoutCases.some(({ name }) => name.startsWith(figure)))
  expect(without).toEqual([])
})
