/** Entries of every kind from a seed, for roundtrips and for other tools to judge. */

import type { TarInput } from '../../../src/tar/index.ts'
import { lots } from '../../suites/seeded-bytes.ts'

/** An entry with everything said. */
export type FullInput = TarInput & { readonly rawPath: Uint8Array; readonly body?: Uint8Array }

/** So many entries; names are unique, and of any bytes unless `text` is asked for. */
export function randomEntries(seed: number, count: number, options: { text?: boolean } = {}): FullInput[] {
  const below = lots(seed)
  const pick = <T>(...choices: T[]): T => choices[below(choices.length)] as T
  const bytes = (size: number): Uint8Array => Uint8Array.from({ length: size }, () => below(256))
  const encoder = new TextEncoder()
  const word = (): Uint8Array => {
    if (!options.text && below(4) === 0) {
      return bytes(1 + below(40)).map(byte => (byte === 0 || byte === 0x2f ? 0x80 : byte))
    }
    const letters = pick('abc', 'xyz-._', 'äöü€', '日本😀', ' \n\\')
    return encoder.encode(Array.from({ length: 1 + below(30) }, () => pick(...letters)).join(''))
  }
  const path = (index: number): Uint8Array => {
    const parts = [encoder.encode(`${index}-`), word()]
    for (let depth = below(8); depth > 0; depth--)
      parts.push(encoder.encode('/'), encoder.encode('d'), word())
    return Uint8Array.from(parts.flatMap(part => [...part]))
  }
  return Array.from({ length: count }, (_, index): FullInput => {
    const type = pick('file', 'file', 'file', 'directory', 'symlink', 'hardlink', 'char', 'block', 'fifo')
    const name = path(index)
    const isDevice = type === 'char' || type === 'block'
    const xattrs = new Map<string, Uint8Array>()
    if (type === 'file')
      for (let i = below(3); i > 0; i--) xattrs.set(`user.x${below(100)}`, bytes(below(60)))
    return {
      path: new TextDecoder('utf-8', { ignoreBOM: true }).decode(name) + (type === 'directory' ? '/' : ''),
      rawPath: type === 'directory' ? Uint8Array.of(...name, 0x2f) : name,
      type,
      mode: below(0o10000),
      uid: pick(0, below(65_536), 0o7777777, 0o10000000, 2 ** 31),
      gid: pick(0, below(65_536), 0o7777777, 0o10000000, 2 ** 31),
      uname: pick('', 'root', 'ü', 'u'.repeat(32)),
      gname: pick('', 'wheel', '日本', 'g'.repeat(31)),
      mtime: pick(0, 1_700_000_000, below(2 ** 31), -below(2 ** 31), 8 ** 11 - 1, 8 ** 11),
      mtimeNs: pick(0, 0, 1, 500_000_000, below(1e9)),
      ...((type === 'symlink' || type === 'hardlink') && { rawLinkname: path(below(count)) }),
      devMajor: isDevice ? below(4096) : 0,
      devMinor: isDevice ? pick(below(256), 2 ** 20 - 1) : 0,
      xattrs,
      ...(type === 'file' && { body: bytes(pick(0, 1, 511, 512, 513, below(5000))) }),
    }
  })
}
