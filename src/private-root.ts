/**
 * The origin's private file system, and a trap in Chromium's: it keeps which files are there in a log (LevelDB) of
 * blocks of 32 KiB, in which it goes on after it was killed. Where the kill has cut a record in two, all that follows
 * in that block, written and acknowledged by the next browser, is dropped when the one after that reads the log.
 */

/** The root. Rejects with the browser's error where there is none. */
export function privateRoot(): Promise<FileSystemDirectoryHandle> {
  return navigator.storage.getDirectory()
}

/** The root for one who writes: the log's last block, in which half a record may be, is filled first. */
export async function rootToWrite(): Promise<FileSystemDirectoryHandle> {
  const root = await privateRoot()
  filled ??= fillBlock(root)
  await filled
  return root
}

// Once in each window and worker, though once a browser would do: nothing tells when that was started.
let filled: Promise<void> | undefined

/**
 * Makes a folder and removes it. The log has its name twice in a record, which so is larger than a block. It takes
 * Chromium some 7 ms and others one, and nothing tells them apart but their names.
 */
async function fillBlock(root: FileSystemDirectoryHandle): Promise<void> {
  const name = `.ocidir-${'x'.repeat(16 * 1024)}`
  const remove = (): Promise<void> => root.removeEntry(name).catch(() => {})
  // Left by a page that ended just then, it would be found and not be written.
  await remove()
  try {
    await root.getDirectoryHandle(name, { create: true })
  } catch {
    // WebKit has no such names, nor such a log. Of a full disk the next write tells, and the one after it tries again.
    filled = undefined
  }
  await remove()
}
