/** Tars made by hand, where the tar tests look for them: they are shipped with the layer suite. */

export * from '../../suites/tar-bytes.ts'
