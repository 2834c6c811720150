/** Stored deflate blocks (RFC 1951, 3.2.4). They end at a byte's border by themselves. */

const longestStored = 65_535

/** Bytes as stored blocks; an empty one where there are none. */
export function storeBlock(block: Uint8Array, last: boolean): Uint8Array {
  const count = Math.max(1, Math.ceil(block.length / longestStored))
  const stored = new Uint8Array(block.length + count * 5)
  const view = new DataView(stored.buffer)
  for (let i = 0; i < count; i++) {
    const piece = block.subarray(i * longestStored, (i + 1) * longestStored)
    const at = i * (longestStored + 5)
    stored[at] = last && i === count - 1 ? 1 : 0
    view.setUint16(at + 1, piece.length, true)
    view.setUint16(at + 3, piece.length ^ 0xffff, true)
    stored.set(piece, at + 5)
  }
  return stored
}

/** Deflate data behind a stored block of their dictionary (32 KiB at the most): what no inflater needs to be told of. */
export function behindStored(dictionary: Uint8Array, deflated: Uint8Array): Uint8Array {
  const before = storeBlock(dictionary, false)
  const joined = new Uint8Array(before.length + deflated.length)
  joined.set(before)
  joined.set(deflated, before.length)
  return joined
}
