/** Long forms of tests run where `OCIDIR_LONG=1` asks for them: in Node, before a release. */
export const isLong: boolean = typeof process === 'object' && process.env?.OCIDIR_LONG === '1'
