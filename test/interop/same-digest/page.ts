import { opfs } from 'ocidir/fsa'
import { memory } from 'ocidir/memory'
import { buildAll } from './build.ts'
import { modes, mtime } from './folder.ts'

declare global {
  var build: (medium: 'memory' | 'opfs') => Promise<Record<string, string>>
}

globalThis.build = async medium => {
  const input = document.querySelector<HTMLInputElement>('#folder')
  const chosen = [...(input?.files ?? [])]
  let count = 0
  const storage = async () => (medium === 'memory' ? memory() : opfs(`same-digest-${count++}`))
  return buildAll(storage, chosen, { mtime, mode: path => modes[path] })
}
