/** Wrong adapters that the layout suite alone must notice, each by a case. */

import type { StorageAdapter } from '../../../src/storage.ts'
import { forwarding } from '../forwarding.ts'
import { type BrokenStorage, brokenStorages } from './broken.ts'

/** All that the layout suite must reject. */
export const brokenLayouts: readonly BrokenStorage[] = [
  asBefore(
    'keeps nobody out of an update',
    'insert_manifest: 64 writers at once lose nothing (the crate lost 53)',
  ),
  asBefore('forgets to discard', 'create_blob: a dropped writer leaves nothing'),
  asBefore(
    'takes no heed of required blobs',
    'insert_manifest: what it needs must be there, else nothing is listed',
  ),
  asBefore('swallows what edit throws', 'errors: TagNotFound names the tag and those that there are'),
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

function asBefore(fault: string, fails: string): BrokenStorage {
  const found = brokenStorages.find(broken => broken.fault === fault)
  if (found === undefined) throw new Error(`there is no storage that ${fault}`)
  return { ...found, fails }
}

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
