/** The version of the package that this command came with. */

import { readFile } from 'node:fs/promises'

/** Reads it from package.json, two folders above the built command, in one file or in many. */
export async function version(): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  const found = typeof manifest === 'object' && manifest !== null && 'version' in manifest
  return found ? String(manifest.version) : 'unknown'
}
