import { statfsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Where a browser or a suite writes the fastest: in memory where there is room, else among the temporary files. A suite
 * waits for the disk for each small file, in Firefox 13 times as long as for memory.
 */
export function workParent(): string {
  const inMemory = '/dev/shm'
  try {
    const { bavail, bsize } = statfsSync(inMemory)
    return bavail * bsize > 4 * 2 ** 30 ? inMemory : tmpdir()
  } catch {
    return tmpdir()
  }
}

/** An empty folder there. */
export function workFolder(prefix: string): Promise<string> {
  return mkdtemp(join(workParent(), prefix))
}
