/** Gzip made by hand, where the codec tests look for it: it is shipped with the layer suite. */

export * from '../../suites/gzip-members.ts'
