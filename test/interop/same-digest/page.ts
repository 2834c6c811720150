import { opfs } from 'ocidir/fsa'
import { memory } from 'ocidir/memory'
import { buildAll } from './build.ts'

declare global {
  var build: (medium: 'memory' | 'opfs', modes: Record<string, number>) => Promise<Record<string, string>>
}

globalThis.build = async (medium, modes) => {
  const input = document.querySelector<HTMLInputElement>('#folder')
  const chosen = [...(input?.files ?? [])]
  let count = 0
  const storage = async () => (medium === 'memory' ? memory() : opfs(`same-digest-${count++}`))
  return buildAll(storage, chosen, { mtime: 1_700_000_000, mode: path => modes[path] })
}
