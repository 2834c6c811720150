/** P11: nothing but a digest of the specification's grammar ever becomes a name that a medium is asked for. */

import { expect, it } from 'vitest'
import { memory } from '../../adapters/memory.ts'
import { isOciError } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import {
  type Descriptor,
  type Digest,
  emptyDescriptor,
  type ImageManifest,
  mediaTypes,
} from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { isLong } from '../setup/rounds.ts'
import { forwarding } from '../suites/index.ts'
import { utf8 } from '../suites/material.ts'
import { lots } from '../suites/seeded-bytes.ts'
import type { Below } from './random-json.ts'

const count = isLong ? 100_000 : 10_000

// descriptor.md and image-layout.md, written here once more: what the library's own check says proves nothing.
const allowed = /^(?:oci-layout|index\.json|blobs\/[a-z0-9]+(?:[+._-][a-z0-9]+)*\/[a-zA-Z0-9=_-]+)$/

const pieces = [
  ...[
    '..',
    '.',
    '/',
    '\\',
    '\0',
    '%2f',
    '%2e%2e',
    '%00',
    'C:',
    'c:\\',
    '//',
    '~',
    '$HOME',
    '*',
    '?',
    '|',
    '<',
    '>',
  ],
  ...[
    'sha256',
    'sha512',
    'SHA256',
    'sha256:',
    ':',
    '::',
    '@',
    '+',
    '-',
    '_',
    '=',
    '--',
    'a',
    'Z',
    '0',
    ' ',
    '\n',
    '\t',
  ],
  ...[
    'index.json',
    'oci-layout',
    '.ocidir',
    'blobs',
    'CON',
    'nul',
    'aux.txt',
    'SHA256~1',
    'PROGRA~1',
    'a.',
    'a ',
  ],
  ...[
    '\u202e',
    '\u2028',
    '\uff0f',
    '\u2215',
    '\ufe68',
    '\uff0e\uff0e',
    'é',
    'e\u0301',
    'ſha256',
    '😀',
    '\ud800',
    '\ufeff',
  ],
  ...['0'.repeat(64), 'f'.repeat(64), 'F'.repeat(64), 'f'.repeat(63), 'a'.repeat(128), 'a'.repeat(300)],
]

/** Mostly something like a digest, with something in it that isn't. */
function hostile(below: Below): string {
  const piece = (): string => pieces[below(pieces.length)] ?? ''
  const some = (most: number): string => Array.from({ length: 1 + below(most) }, piece).join('')
  switch (below(5)) {
    case 0:
      return some(6)
    case 1:
      return `sha256:${some(3)}`
    case 2:
      return `${some(2)}:${'0'.repeat(64)}`
    case 3:
      return `sha256:${'a'.repeat(below(64))}${piece()}${'b'.repeat(below(64))}`
    default:
      return `${some(3)}:${some(3)}`
  }
}

/** A storage that writes down every name that it is asked for. */
function watched(inner: StorageAdapter, names: Set<string>): StorageAdapter {
  return forwarding(inner, {
    open: (path, options) => {
      names.add(path)
      return inner.open(path, options)
    },
    stage: async options => {
      const staged = await inner.stage(options)
      return {
        writable: staged.writable,
        discard: () => staged.discard(),
        commit: (path, commitOptions) => {
          names.add(path)
          return staged.commit(path, commitOptions)
        },
      }
    },
    update: (path, edit, options) => {
      for (const name of [path, ...(options?.requires ?? [])]) names.add(name)
      return inner.update(path, edit, options)
    },
    remove: (choose, options) =>
      inner.remove(index => {
        const chosen = choose(index)
        for (const name of chosen) names.add(name)
        return chosen
      }, options),
  })
}

type Attempt = () => unknown

/** The ways that are quick enough for every string. */
function quickAttempts(dir: OciDir<StorageAdapter>, text: string): Attempt[] {
  const descriptor: Descriptor = { mediaType: mediaTypes.manifest, digest: text as Digest, size: 2 }
  return [() => dir.hasBlob(descriptor), () => dir.readBlob(descriptor), () => dir.find(text)]
}

/** Every way in which a string of a caller, or of a document, gets to a layout. */
function allAttempts(dir: OciDir<StorageAdapter>, text: string): Attempt[] {
  const digest = text as Digest
  const descriptor: Descriptor = { mediaType: mediaTypes.manifest, digest, size: 2 }
  const manifest: ImageManifest = { schemaVersion: 2, config: descriptor, layers: [descriptor] }
  const index = JSON.stringify({ schemaVersion: 2, manifests: [descriptor] })
  return [
    ...quickAttempts(dir, text),
    () => dir.openImage(text),
    () => dir.resolve({ tag: text }),
    () => dir.resolve(descriptor),
    () => dir.openImage(descriptor),
    () => dir.readBlobRange(descriptor, { end: 1 }),
    () => dir.readDocument(descriptor),
    () => dir.readLayer({ ...descriptor, mediaType: mediaTypes.layer }),
    () => dir.writeBlob('{}', { expected: { digest } }),
    () => dir.insertManifest(manifest),
    () => dir.insertManifest({ ...manifest, config: emptyDescriptor }, { tag: text }),
    () => dir.tag(descriptor, 'name'),
    () => dir.untag(text),
    async () => {
      await dir.storage.update('index.json', () => utf8(index))
      await fsck(dir.storage)
      await dir.openImage()
    },
  ]
}

/** Makes the attempts; whatever fails must say so by a typed error (P17). */
async function tryAll(attempts: readonly Attempt[], text: string, thrown: Set<string>): Promise<void> {
  for (const attempt of attempts) {
    try {
      await attempt()
    } catch (error) {
      const isTyped = isOciError(error) || error instanceof TypeError || error instanceof RangeError
      if (!isTyped) thrown.add(`${JSON.stringify(text)}: ${String(error)}`)
    }
  }
}

it(`P11: ${count} hostile strings make no name outside of the grammar`, { timeout: 600_000 }, async () => {
  const names = new Set<string>()
  const thrown = new Set<string>()
  const dir = await OciDir.ensure(watched(memory(), names))
  const below = lots(11)
  const strings = new Set<string>()
  while (strings.size < count) strings.add(hostile(below))
  let tried = 0
  for (const text of strings) {
    await tryAll(tried++ % 25 === 0 ? allAttempts(dir, text) : quickAttempts(dir, text), text, thrown)
  }
  const outside = [...names].filter(name => !allowed.test(name))
  console.log(
    `P11: ${strings.size} hostile strings, ${names.size} names asked for, ${outside.length} outside the grammar`,
  )
  expect(outside).toEqual([])
  // P17: and whatever was wrong was said by a typed error.
  expect([...thrown]).toEqual([])
  // Some hostile strings are digests all the same, of an algorithm that nobody knows: those are looked up.
  expect(names.size).toBeGreaterThan(10)
})

it('P11: names made without a look at the grammar are found out', async () => {
  const names = new Set<string>()
  const storage = watched(memory(), names)
  const below = lots(11)
  for (let i = 0; i < 200; i++) {
    const name = `blobs/${hostile(below).replace(':', '/')}` as `blobs/${string}/${string}`
    await storage.open(name).catch(() => {})
  }
  expect([...names].filter(name => !allowed.test(name)).length).toBeGreaterThan(100)
})
