/** What was dropped: handles where there are such, else every file below it; or a tar. */

import type { Choice } from './choice.ts'
import type { AnyHandle, PickedFile } from './worker/protocol.ts'

interface HandleItem {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>
}

/** One thing dropped. */
interface Dropped {
  readonly handle: Promise<FileSystemHandle | null> | undefined
  readonly entry: FileSystemEntry | null
  readonly file: File | null
}

/** Reads a drop. Throws when it holds no files. */
export async function choiceOfDrop(data: DataTransfer): Promise<Choice> {
  // All of it before the first await: a drop's list is empty once its event is over.
  const dropped = [...data.items].filter(({ kind }) => kind === 'file').map(droppedOf)
  const [only] = dropped
  if (only === undefined) throw new Error('Nothing to build from was dropped: drop a folder, files or a tar')
  const handles = await handlesOf(dropped)
  const isFolderAlone = isFolder(only.entry) || handles?.[0]?.kind === 'directory'
  const { file } = only
  if (dropped.length === 1 && !isFolderAlone && file !== null && isTarName(file.name)) {
    return { kind: 'tar', name: file.name, file }
  }
  // The worker lists handles itself, and a handle tells of symlinks, which may not be left out in silence.
  if (handles !== undefined) return choiceOfHandles(handles)
  return dropped.length === 1 ? choiceOfEntry(only) : filesOf(dropped)
}

/** Handles as they come from a picker or a drop. */
export function choiceOfHandles(handles: readonly AnyHandle[]): Choice {
  const [only] = handles
  const isFolderAlone = handles.length === 1 && only?.kind === 'directory'
  return { kind: 'handles', name: isFolderAlone ? only.name : '', handles }
}

/** Tells a tar by its name; what is inside is judged when it is read. */
function isTarName(name: string): boolean {
  return /\.(?:tar|tgz|tar\.\w+)$/i.test(name)
}

function droppedOf(item: DataTransferItem): Dropped {
  const withHandle: DataTransferItem & HandleItem = item
  return {
    handle: withHandle.getAsFileSystemHandle?.(),
    entry: item.webkitGetAsEntry(),
    file: item.getAsFile(),
  }
}

/** All handles, or none: not every browser has them, and not every drop. */
async function handlesOf(dropped: readonly Dropped[]): Promise<AnyHandle[] | undefined> {
  const handles: AnyHandle[] = []
  for (const { handle } of dropped) {
    const found = await handle?.catch(() => null)
    if (!(found instanceof FileSystemFileHandle || found instanceof FileSystemDirectoryHandle))
      return undefined
    handles.push(found)
  }
  return handles
}

/** One folder stands for its content. */
async function choiceOfEntry(dropped: Dropped): Promise<Choice> {
  const { entry } = dropped
  if (!isFolder(entry)) return filesOf([dropped])
  return { kind: 'files', name: entry.name, files: await filesBelow(entry, '') }
}

/** Loose files, and folders under their own names. */
async function filesOf(dropped: readonly Dropped[]): Promise<Choice> {
  const files: PickedFile[] = []
  for (const { entry, file } of dropped) {
    if (isFolder(entry)) files.push(...(await filesBelow(entry, `${entry.name}/`)))
    else if (file !== null) files.push({ path: file.name, file })
  }
  return { kind: 'files', name: '', files }
}

async function filesBelow(folder: FileSystemDirectoryEntry, prefix: string): Promise<PickedFile[]> {
  const files: PickedFile[] = []
  const open = [{ folder, prefix }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const entry of await entriesIn(next.folder)) {
      const path = `${next.prefix}${entry.name}`
      if (isFolder(entry)) open.push({ folder: entry, prefix: `${path}/` })
      else if (isFile(entry)) files.push({ path, file: await fileOf(entry) })
    }
  }
  return files
}

/** A reader gives a hundred at a time, and nothing at its end. */
async function entriesIn(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    if (some.length === 0) return all
    all.push(...some)
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject))
}

function isFolder(entry: FileSystemEntry | null): entry is FileSystemDirectoryEntry {
  return entry?.isDirectory === true
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile
}
