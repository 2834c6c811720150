/** Native pieces, where a storage brings some: faster, and byte-equal. */

import { ok, same, sameBytes, thrownBy } from '../assert.ts'
import { bytesOf, utf8 } from '../material.ts'
import type { StorageCase } from '../storage-case.ts'

const known = {
  sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  sha512:
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
} as const

export const nativeCases: readonly StorageCase[] = [
  ...(['sha256', 'sha512'] as const).map(
    (algorithm): StorageCase => ({
      name: `hashes ${algorithm} natively to the known digest, where it does`,
      async run({ storage }) {
        const whole = storage.native?.hasher?.(algorithm)
        const parts = storage.native?.hasher?.(algorithm)
        if (whole === undefined || parts === undefined) return
        whole.update(utf8('abc'))
        for (const letter of ['a', '', 'bc']) parts.update(utf8(letter))
        same(whole.hex(), known[algorithm])
        same(parts.hex(), known[algorithm], 'in parts')
      },
    }),
  ),
  {
    name: 'goes on from the state of a native hasher, as often as asked, where it gives one',
    async run({ storage }) {
      for (const algorithm of ['sha256', 'sha512'] as const) {
        const whole = storage.native?.hasher?.(algorithm)
        const first = storage.native?.hasher?.(algorithm)
        whole?.update(utf8('abc'))
        first?.update(utf8('a'))
        const state = first?.save?.()
        if (state === undefined) continue
        first?.update(utf8('bc'))
        const [second, third] = [await state.restore(), await state.restore()]
        for (const text of ['b', 'c']) for (const hasher of [second, third]) hasher.update(utf8(text))
        const expected = whole?.hex()
        for (const hasher of [first, second, third]) same(hasher?.hex(), expected, algorithm)
      }
    },
  },
  {
    name: 'inflates a block that is not the last natively, where it does',
    async run({ storage }) {
      const inflate = storage.native?.inflateRaw
      if (inflate === undefined) return
      // RFC 1951, 3.2.4: a stored block of five bytes, not the last.
      const stored = new Uint8Array([0, 5, 0, 0xfa, 0xff, ...utf8('hello')])
      sameBytes(inflate(stored, { dictionary: new Uint8Array(), size: 5 }), utf8('hello'))
    },
  },
  {
    name: 'inflates a block that reaches back into its dictionary natively, where it does',
    async run({ storage }) {
      const inflate = storage.native?.inflateRaw
      if (inflate === undefined) return
      // One match of 21 bytes, 21 bytes back, and an empty stored block.
      const reaching = new Uint8Array([194, 42, 8, 0, 0, 0, 255, 255])
      const dictionary = utf8('the words of a dictionary')
      sameBytes(inflate(reaching, { dictionary, size: 21 }), utf8('words of a dictionary'))
    },
  },
  {
    name: 'throws on invalid deflate data natively, where it inflates',
    async run({ storage }) {
      const inflate = storage.native?.inflateRaw
      if (inflate === undefined) return
      const invalid = new Uint8Array([7, ...bytesOf(20)])
      const thrown = await thrownBy(() => inflate(invalid, { dictionary: new Uint8Array(), size: 100 }))
      ok(thrown instanceof Error, 'an error')
    },
  },
]
