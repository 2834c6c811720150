/** Zstd made by hand, where the codec tests look for it: it is shipped with the layer suite. */

export * from '../../suites/zstd-frames.ts'
