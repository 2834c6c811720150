/** The page of the chosen files' test: what an input gives, opened as a list of files and as an archive. */

import { fileList } from '../../adapters/fsa/index.ts'
import { archive } from '../../src/archive/index.ts'
import { isOciError } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { ReadableStorage } from '../../src/storage.ts'

/** What is said of a layout. */
export interface Seen {
  readonly tags: readonly string[]
  readonly findings: readonly string[]
  readonly validated: number
}

declare global {
  var openChosen: (kind: 'files' | 'archive') => Promise<Seen>
  /** Reads all again through what was opened; the codes of the errors. */
  var readAgain: () => Promise<readonly string[]>
}

const input = document.createElement('input')
input.type = 'file'
input.webkitdirectory = new URLSearchParams(location.search).has('folder')
document.body.append(input)
let opened: ReadableStorage | undefined

globalThis.openChosen = async kind => {
  const [first] = input.files ?? []
  if (first === undefined) throw new Error('nothing was chosen')
  opened = kind === 'files' ? fileList(input.files ?? []) : await archive(first)
  const dir = await OciDir.open(opened)
  const { findings, validated } = await fsck(opened)
  const tags = (await dir.tags()).map(({ tag }) => tag)
  return { tags, findings: findings.map(({ code, path }) => `${code} ${path}`), validated }
}

globalThis.readAgain = async () => {
  const codes: string[] = []
  for (const path of ['oci-layout', 'index.json'] as const) {
    const file = await opened?.open(path)
    if (file === undefined) throw new Error(`no ${path}`)
    const reads = [() => file.bytes(), () => new Response(file.stream()).arrayBuffer()]
    for (const read of reads) {
      // A Response hides what its stream fails with: the stream is read by hand.
      const outcome = await (read === reads[1] ? drained(file.stream()) : read()).then(
        () => 'read',
        error => (isOciError(error) ? error.code : String(error)),
      )
      codes.push(outcome)
    }
  }
  return codes
}

async function drained(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader()
  while (!(await reader.read()).done);
}
