import { describe, expect, it } from 'vitest'
import {
  blobPath,
  createHasher,
  digestOf,
  isDigest,
  parseDigest,
  verifiableAlgorithm,
} from '../../../src/digest.ts'

const hex64 = 'a'.repeat(64)

describe('the digest grammar (D4, D5)', () => {
  it('D4, D5: takes registered algorithms in their strict form and others by the grammar', () => {
    const good = [
      `sha256:${hex64}`,
      `sha512:${hex64}${hex64}`,
      `blake3:${hex64}`,
      'multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8',
      'a.b_c-d+e:X=_-',
      // A field of every object's prototype.
      'constructor:abc',
    ]
    for (const digest of good) expect(isDigest(digest), digest).toBe(true)
  })

  it("D4: refuses everything that could be another path, or isn't lower-case hex", () => {
    const bad = [
      '',
      ':',
      'sha256',
      'sha256:',
      `sha256:${hex64.toUpperCase()}`,
      `sha256:${hex64.slice(1)}`,
      `sha256:${hex64}a`,
      'SHA256:abc',
      'sha256:../../etc/passwd',
      'x:../y',
      'x:a/b',
      'x:a\\b',
      '../x:a',
      '.x:a',
      'x.:a',
      'x:a%2fb',
      'x:a b',
      'x:a\0',
      'x:.',
      `x:${'a'.repeat(400)}`,
      'a..b:c',
      'x:a\n',
      'x:ä',
      `sha256:${hex64}\n`,
    ]
    for (const digest of bad) {
      expect(isDigest(digest), digest).toBe(false)
      expect(() => blobPath(digest), digest).toThrow(expect.objectContaining({ code: 'DIGEST_INVALID' }))
    }
    for (const value of [undefined, null, 1, {}, [`sha256:${hex64}`]]) expect(isDigest(value)).toBe(false)
  })

  it('makes a path of a digest and of nothing else (P11)', () => {
    expect(blobPath(`sha256:${hex64}`)).toBe(`blobs/sha256/${hex64}`)
    expect(parseDigest('a+b:c')).toEqual({ algorithm: 'a+b', encoded: 'c' })
  })

  it('names the algorithms that it can verify (D6)', () => {
    expect(verifiableAlgorithm(`sha512:${hex64}${hex64}`)).toBe('sha512')
    expect(() => verifiableAlgorithm(`blake3:${hex64}`)).toThrow(
      expect.objectContaining({ code: 'DIGEST_UNSUPPORTED' }),
    )
  })
})

describe('hashers', () => {
  const known = {
    sha256: 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    sha512:
      'sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  } as const

  it('give the published digests of "abc", by WebAssembly and by Web Crypto', async () => {
    const abc = new TextEncoder().encode('abc')
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const wasm = await createHasher(algorithm)
      for (const byte of abc) wasm.update(Uint8Array.of(byte))
      expect(`${algorithm}:${wasm.hex()}`).toBe(known[algorithm])
      expect(await digestOf(abc, { algorithm })).toBe(known[algorithm])
    }
  })

  it('run beside each other without mixing', async () => {
    const [a, b] = await Promise.all([createHasher('sha256'), createHasher('sha256')])
    a.update(Uint8Array.of(97))
    b.update(Uint8Array.of(98))
    a.update(Uint8Array.of(98, 99))
    expect(`sha256:${a.hex()}`).toBe(known.sha256)
    expect(b.hex()).toBe('3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d')
  })

  it('hash a view of a larger buffer, and of a shared one where the context has it', async () => {
    const whole = new TextEncoder().encode('xabcx')
    expect(await digestOf(whole.subarray(1, 4))).toBe(known.sha256)
    if (typeof SharedArrayBuffer === 'undefined') return
    const shared = new Uint8Array(new SharedArrayBuffer(3))
    shared.set([97, 98, 99])
    expect(await digestOf(shared)).toBe(known.sha256)
  })
})
