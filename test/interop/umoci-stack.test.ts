/** Random stacks of layers, as umoci unpacks them and as we list them. */

import { execFile } from 'node:child_process'
import { lstat, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { gzip } from '../../src/codec/gzip.ts'
import { type FileTree, files } from '../../src/files/index.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { imageOf } from '../unit/files/samples.ts'
import { randomStack } from './random-stack.ts'

const run = promisify(execFile)
const stacks = 30

let scratch = ''
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ocidir-umoci-'))
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

/** What both sides can say of a name: a hard link is a file of the same bytes. */
interface Seen {
  readonly type: string
  readonly mode?: number
  readonly mtime?: number
  readonly text?: string
}

it(`umoci unpacks ${stacks} random stacks to the files that we list`, async () => {
  const kinds = new Map<string, number>()
  let names = 0
  for (let seed = 1; seed <= stacks; seed++) {
    const stack = randomStack(seed)
    for (const kind of stack.kinds) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    const root = join(scratch, String(seed))
    const dir = await OciDir.ensure(folder(join(root, 'layout')))
    const image = await imageOf(stack.layers, { dir, ...(seed % 2 === 0 && { codec: gzip() }) })
    const bundle = join(root, 'bundle')
    await run('umoci', ['unpack', '--rootless', '--image', `${join(root, 'layout')}:t`, bundle])
    const unpacked = await seenOnDisk(join(bundle, 'rootfs'))
    const listed = await seenInTree(await files(image))
    expect(listed, `seed ${seed}: ${JSON.stringify(stack.layers)}`).toEqual(unpacked)
    names += Object.keys(listed).length
    await rm(root, { recursive: true, force: true })
  }
  console.log(`umoci: ${stacks} stacks, ${names} names equal; ${JSON.stringify(Object.fromEntries(kinds))}`)
  // A generator that stopped making a case would prove nothing of it.
  for (const kind of everyKind) expect([kind, kinds.get(kind) ?? 0]).not.toEqual([kind, 0])
  expect(names).toBeGreaterThan(stacks * 5)
})

it('the comparison fails for a stacker that forgets whiteouts', async () => {
  let differing = 0
  for (let seed = 1; seed <= 5; seed++) {
    const { layers } = randomStack(seed)
    const forgetful = layers.map(lines => lines.filter(line => !JSON.stringify(line).includes('.wh.')))
    const right = await seenInTree(await files(await imageOf(layers)))
    const wrong = await seenInTree(await files(await imageOf(forgetful)))
    if (JSON.stringify(right) !== JSON.stringify(wrong)) differing++
  }
  expect(differing).toBeGreaterThan(0)
})

const everyKind = [
  'whiteout of a file',
  'whiteout of a folder',
  'whiteout after its name',
  'whiteout of nothing',
  'opaque first',
  'opaque last',
  'file over folder',
  'folder over file',
  'folder over folder',
  'symlink',
  'hard link',
  'hard link to a lower layer',
]

async function seenOnDisk(root: string, below = ''): Promise<Record<string, Seen>> {
  const seen: Record<string, Seen> = {}
  for (const name of (await readdir(join(root, below))).sort()) {
    const path = below === '' ? name : `${below}/${name}`
    const place = join(root, path)
    const stats = await lstat(place)
    const mode = stats.mode & 0o7777
    if (stats.isDirectory())
      Object.assign(seen, { [path]: { type: 'directory', mode } }, await seenOnDisk(root, path))
    else if (stats.isSymbolicLink()) seen[path] = { type: 'symlink', text: await readlink(place) }
    else
      seen[path] = {
        type: 'file',
        mode,
        mtime: Math.floor(stats.mtimeMs / 1000),
        text: await readFile(place, 'utf8'),
      }
  }
  return seen
}

async function seenInTree(tree: FileTree): Promise<Record<string, Seen>> {
  const seen: Record<string, Seen> = {}
  for (const file of tree.entries()) {
    const { path, type, mode, mtime, linkname } = file
    if (type === 'directory') seen[path] = { type, mode }
    else if (type === 'symlink') seen[path] = { type, text: linkname }
    else seen[path] = { type: 'file', mode, mtime, text: new TextDecoder().decode(await tree.bytes(file)) }
  }
  return seen
}
