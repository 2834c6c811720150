/** Operations that are wrong on purpose: what the drill must see. Each is drilled with the fault that shows it. */

import { memory } from '../../adapters/memory.ts'
import { planCopy } from '../../src/copy/plan.ts'
import { blobPath } from '../../src/digest.ts'
import { isOciError } from '../../src/errors.ts'
import { editIndex, withEntry } from '../../src/index-json.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { emptyDescriptor, mediaTypes } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { forwarding } from '../suites/forwarding.ts'
import { bytesOf } from '../suites/material.ts'
import type { DrillOptions } from './fault-drill.ts'
import type { Operation } from './fault-operations.ts'

/** One wrong operation. */
export interface BrokenOperation extends Operation, DrillOptions {
  /** What it does wrong. */
  readonly fault: string
  /** It is drilled at the media, too. */
  readonly isForMedia?: boolean
}

const once = { kind: 'error', isLasting: false } as const
const content = bytesOf(290_000, 30)

/** All of them. */
export const brokenOperations: readonly BrokenOperation[] = [
  {
    fault: 'names an image before its blobs are there',
    ...once,
    async run({ dir, signal }) {
      const { manifest } = await dir.openImage('app', { signal })
      const value = { ...manifest.value, annotations: { early: 'yes' } }
      const { descriptor } = await (await OciDir.ensure(memory())).writeDocument(value, {
        mediaType: mediaTypes.manifest,
      })
      await editIndex(dir, index => withEntry(index, descriptor, 'early'), { signal })
      await dir.writeDocument(value, { mediaType: mediaTypes.manifest, signal })
    },
  },
  {
    fault: 'publishes what it copies before it is verified',
    kind: 'short read',
    isLasting: false,
    async run({ source, dir, signal }) {
      const entry = await source.resolve('arm', { signal })
      const { stages } = await planCopy(source, [entry], { signal })
      for (const { digest } of stages.flat()) {
        const file = await source.storage.open(blobPath(digest), { signal })
        const staged = await dir.storage.stage({ signal })
        await file?.stream({ signal }).pipeTo(staged.writable)
        await staged.commit(blobPath(digest), { signal })
      }
      await editIndex(dir, index => withEntry(index, entry, 'came'), { signal })
    },
  },
  {
    fault: 'swallows an error of the medium',
    isForMedia: true,
    ...once,
    async run({ storage, signal }) {
      return (await OciDir.open(swallowing(storage), { signal })).writeBlob(content, { signal })
    },
  },
  {
    fault: 'leaves what it staged when it fails',
    ...once,
    async run({ storage, signal }) {
      const dir = await OciDir.open(hoarding(storage), { signal })
      return dir.writeBlob(content)
    },
  },
  {
    fault: 'throws errors without a code',
    ...once,
    run: ({ dir, signal }) =>
      dir.readIndex({ signal }).then(
        ({ descriptor }) => descriptor,
        error => Promise.reject(new Error(String(error))),
      ),
  },
  {
    fault: 'hands no signal on',
    kind: 'hang',
    isLasting: false,
    run: async ({ dir }) => dir.hasBlob(emptyDescriptor),
  },
  {
    fault: 'waits for the medium when it is aborted',
    kind: 'hang',
    isLasting: true,
    async run({ dir, storage, signal }) {
      try {
        return await dir.hasBlob(emptyDescriptor, { signal })
      } catch (error) {
        await storage.open('index.json')
        throw error
      }
    },
  },
]

function swallowing(storage: StorageAdapter): StorageAdapter {
  return forwarding(storage, {
    async stage(options) {
      const staged = await storage.stage(options)
      const commit: typeof staged.commit = (path, commitOptions) =>
        staged.commit(path, commitOptions).catch(error => {
          if (isOciError(error)) return 'written'
          throw error
        })
      return { ...staged, commit }
    },
  })
}

function hoarding(storage: StorageAdapter): StorageAdapter {
  return forwarding(storage, {
    stage: async options => ({ ...(await storage.stage(options)), discard: async () => {} }),
  })
}
