/** What tools have unpacked, to be compared. */

import { createHash } from 'node:crypto'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

/** What lies in an unpacked root: type, permission bits, size and content of each path. */
export async function listing(root: string, at = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of await readdir(join(root, at))) {
    const path = join(at, name)
    const stat = await lstat(join(root, path))
    const mode = (stat.mode & 0o7777).toString(8)
    if (stat.isSymbolicLink()) found[path] = `symlink ${await readlink(join(root, path))}`
    else if (stat.isDirectory())
      Object.assign(found, { [path]: `directory ${mode}` }, await listing(root, path))
    else
      found[path] = `file ${mode} ${createHash('sha256')
        .update(await readFile(join(root, path)))
        .digest('hex')}`
  }
  return found
}
