/** What is wrong inside of a block; the frame's reader adds where it stands. */

/** Thrown by the synchronous parts of the decoder. */
export class ZstdFault extends Error {}
