// @ts-check
// What is timed: ways to build a layer beside their peers, and builds whose memory is looked at. Data alone.

/**
 * A way of ours to build a layer. No `workers`: as many as the library chooses.
 * @typedef {{ where: 'Node' | 'Chromium', name: string } & Pick<Build, 'deflate' | 'workers'>} Variant
 */
/** @typedef {import('./codec.mjs').Build} Build */
/** @typedef {'the crate' | 'gzip' | 'pigz -p2' | 'zstd -T1'} PeerName */
/** @typedef {{ build: Build, peers: readonly PeerName[], variants: readonly Variant[] }} LayerTable */

/** The tables of layers, each timed on every input. @type {Readonly<Record<string, LayerTable>>} */
export const layerTables = {
  'gzip-6': {
    build: { codec: 'gzip', level: 6 },
    peers: ['the crate', 'gzip', 'pigz -p2'],
    variants: [
      { where: 'Node', name: 'fflate, workers: 1', workers: 1 },
      { where: 'Node', name: 'fflate' },
      { where: 'Node', name: 'zlib', deflate: 'zlib' },
      { where: 'Node', name: 'platform', deflate: 'platform' },
      { where: 'Chromium', name: 'fflate' },
      { where: 'Chromium', name: 'zlib', deflate: 'zlib' },
    ],
  },
  'gzip-1': {
    build: { codec: 'gzip', level: 1 },
    peers: ['the crate', 'gzip', 'pigz -p2'],
    variants: [
      { where: 'Node', name: 'fflate' },
      { where: 'Node', name: 'zlib', deflate: 'zlib' },
      { where: 'Chromium', name: 'fflate' },
      { where: 'Chromium', name: 'zlib', deflate: 'zlib' },
    ],
  },
  'zstd-3': {
    build: { codec: 'zstd', level: 3 },
    peers: ['the crate', 'zstd -T1'],
    variants: [
      { where: 'Node', name: 'zstd' },
      { where: 'Chromium', name: 'zstd' },
    ],
  },
  plain: {
    build: { codec: 'none' },
    peers: ['the crate'],
    variants: [
      { where: 'Node', name: 'plain' },
      { where: 'Chromium', name: 'plain' },
    ],
  },
}

/** Builds of 1 GiB and 4 GiB whose memory is looked at. @type {readonly { name: string, build: Build }[]} */
export const memoryBuilds = [
  { name: 'gzip 6 by fflate', build: { codec: 'gzip', level: 6 } },
  { name: 'gzip 6 by zlib', build: { codec: 'gzip', level: 6, deflate: 'zlib' } },
  { name: 'zstd 3', build: { codec: 'zstd', level: 3 } },
]
