/** The write matrix: what other tools make of the layouts that we write. Its table stands in docs/interop.md. */

import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { copy } from '../../src/copy/copy.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { type Registry, serveRegistry } from '../setup/registry.ts'
import { tool } from '../setup/tools.ts'
import { expectTable } from './doc-table.ts'
import { kinds, tag, writeKind } from './written.ts'

const execute = promisify(execFile)
let work = ''
let registry: Registry
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'ocidir-written-'))
  registry = await serveRegistry()
})
afterAll(async () => {
  await registry.stop()
  await rm(work, { recursive: true, force: true })
})

/** What a tool is given: our layout, and a place of its own for what it makes of it. */
interface Task {
  readonly layout: string
  readonly out: string
  readonly digest: string
}

/** Each tool reads the whole of what the tag names; it gives the layout that it wrote, where it wrote one. */
const readers: Readonly<Record<string, (task: Task) => Promise<string | undefined>>> = {
  async skopeo({ layout, out }) {
    const preserve = ['--all', '--preserve-digests']
    await execute(tool('skopeo'), ['copy', ...preserve, `oci:${layout}:${tag}`, `oci:${out}:${tag}`])
    return out
  },
  async umoci({ layout, out }) {
    await execute(tool('umoci'), ['unpack', '--rootless', '--image', `${layout}:${tag}`, out])
    return undefined
  },
  async crane({ layout, out, digest }) {
    const name = `${registry.address}/${out.split('/').pop()}`
    // It pushes a layout of one entry, so it gets the tagged one alone.
    const single = await OciDir.ensure(folder(`${out}-single`))
    await copy(await OciDir.open(folder(layout)), single, { refs: [{ tag }] })
    const { stdout } = await execute(tool('crane'), ['push', '--insecure', `${out}-single`, `${name}:${tag}`])
    const pulled = ['pull', '--insecure', '--format', 'oci', `${name}@${digest}`, out]
    expect(stdout).toContain(digest)
    await execute(tool('crane'), pulled)
    return out
  },
  async regctl({ layout, out }) {
    const from = `ocidir://${layout}:${tag}`
    await execute(tool('regctl'), ['image', 'copy', '--force-recursive', from, `ocidir://${out}:${tag}`])
    return out
  },
  async oras({ layout, out }) {
    const ways = ['--from-oci-layout', `${layout}:${tag}`, '--to-oci-layout', `${out}:${tag}`]
    await execute(tool('oras'), ['cp', '--no-tty', ...ways])
    return out
  },
}

it('our layouts are read by skopeo, umoci, crane, regctl and oras as docs/interop.md says', async () => {
  const rows = [['what we wrote', ...Object.keys(readers)]]
  for (const kind of Object.keys(kinds)) {
    const { path, entry } = await writeKind(kind, work)
    expect(await fsck(folder(path))).toMatchObject({ ok: true, counts: { warnings: 0 } })
    const cells: string[] = []
    for (const [name, read] of Object.entries(readers)) {
      const out = join(work, `${name}-${Object.keys(kinds).indexOf(kind)}`)
      cells.push(await outcome(read, { layout: path, out, digest: entry.digest }))
    }
    rows.push([kind, ...cells])
  }
  await expectTable('docs/interop.md', 'written', rows)
}, 120_000)

/** `yes` where all that was named came through as it was; else why not. */
async function outcome(read: (task: Task) => Promise<string | undefined>, task: Task): Promise<string> {
  let made: string | undefined
  try {
    made = await read(task)
  } catch (error) {
    return refusal(error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error))
  }
  if (made === undefined) return 'yes'
  const copied = await OciDir.open(folder(made))
  expect(await fsck(copied.storage)).toMatchObject({ ok: true })
  const { manifests } = (await copied.readIndex()).value
  expect(manifests.map(({ digest }) => digest)).toContain(task.digest)
  return 'yes'
}

/** What these tools can't do at all, by their own words; any other failure is ours. */
const refusals: readonly [RegExp, string][] = [
  [/sha512/, 'no: knows sha256 only'],
  [/tag is ambiguous/, 'no: takes no index'],
  [/config blob is not correct mediatype/, 'no: takes images only'],
  [/blob is not correct mediatype: [\w./]+\+zstd/, 'no: knows no zstd'],
]

function refusal(words: string): string {
  const known = refusals.find(([pattern]) => pattern.test(words))
  if (known === undefined) throw new Error(words)
  return known[1]
}
