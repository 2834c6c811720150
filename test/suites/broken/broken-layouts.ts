/** Wrong adapters that the layout suite alone must notice, each by a case. */

import type { StorageAdapter } from '../../../src/storage.ts'
import { forwarding } from '../forwarding.ts'
import { brokenStorages } from './broken.ts'
import { asBefore, type BrokenStorage } from './broken-storage.ts'

/** All that the layout suite must reject. */
export const brokenLayouts: readonly BrokenStorage[] = [
  asBefore(brokenStorages, 'keeps nobody out of an update', {
    fails: 'insert_manifest: 64 writers at once lose nothing (the crate lost 53)',
  }),
  asBefore(brokenStorages, 'forgets to discard', { fails: 'create_blob: a dropped writer leaves nothing' }),
  asBefore(brokenStorages, 'takes no heed of required blobs', {
    fails: 'insert_manifest: what it needs must be there, else nothing is listed',
  }),
  asBefore(brokenStorages, 'swallows what edit throws', {
    fails: 'errors: TagNotFound names the tag and those that there are',
  }),
  {
    fault: 'changes a bit of what it stores',
    fails: 'create_blob: nothing is visible before complete, all of it after',
    over: sound =>
      forwarding(sound, {
        stage: async options => flipping(await sound.stage(options)),
      }),
  },
  {
    fault: 'tells nothing of what was written',
    fails: 'has_blob: tells what is there, with the right size',
    over: sound =>
      forwarding(sound, {
        open: async (path, options) => (path.startsWith('blobs/') ? undefined : sound.open(path, options)),
      }),
  },
  {
    fault: 'writes index.json anew with every update',
    fails: 'insert_manifest: untagged inserts always append, in order',
    over: sound =>
      forwarding(sound, {
        update: (path, edit, options) =>
          sound.update(path, now => edit(path === 'index.json' ? undefined : now), options),
      }),
  },
]

function flipping(staged: Awaited<ReturnType<StorageAdapter['stage']>>): typeof staged {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk.map(byte => byte ^ 1))
    },
  })
  const written = readable.pipeTo(staged.writable)
  written.catch(() => {})
  return {
    writable,
    async commit(path, options) {
      await written
      return staged.commit(path, options)
    },
    discard: () => staged.discard(),
  }
}
