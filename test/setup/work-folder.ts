import { mkdtemp, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * An empty folder, in memory where there is room for what a browser or a suite writes: a suite waits for the disk for
 * each small file, Firefox 13 times as long as for memory.
 */
export async function workFolder(prefix: string): Promise<string> {
  const inMemory = '/dev/shm'
  const room = await statfs(inMemory).catch(() => undefined)
  const parent = room !== undefined && room.bavail * room.bsize > 2 ** 30 ? inMemory : tmpdir()
  return mkdtemp(join(parent, prefix))
}
