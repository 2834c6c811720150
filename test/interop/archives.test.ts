/** Archives that other tools made, read in place: what is in them is what the tool put there. */

import { execFile } from 'node:child_process'
import { link, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { file, folder } from '../../adapters/node/index.ts'
import { archive } from '../../src/archive/index.ts'
import { isOciError } from '../../src/errors.ts'
import { fsck } from '../../src/fsck.ts'
import { OciDir } from '../../src/oci-dir.ts'
import type { ReadableStorage } from '../../src/storage.ts'
import { equalBytes } from '../../src/streams.ts'
import { describeWith, tool } from '../setup/tools.ts'
import { filesIn } from '../unit/archive/samples.ts'
import { filesOf, onDisk } from './fixture-layouts.ts'

const run = promisify(execFile)
const fixture = 'umoci-raw'
const layoutFiles = await filesOf(`${fixture}/${fixture}`)
let work = ''
let layout = ''
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'ocidir-archives-'))
  layout = join(work, 'layout')
  await onDisk(layoutFiles, layout)
})
afterAll(() => rm(work, { recursive: true, force: true }))

async function expectSame(storage: ReadableStorage, wanted: ReadonlyMap<string, Uint8Array>): Promise<void> {
  expectBytes(await filesIn(storage), wanted)
  const findings = (await fsck(storage)).findings.filter(({ severity }) => severity !== 'info')
  expect(findings).toEqual([])
}

function expectBytes(found: ReadonlyMap<string, Uint8Array>, wanted: ReadonlyMap<string, Uint8Array>): void {
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort())
  const different = [...wanted].filter(([path, bytes]) => !equalBytes(found.get(path) ?? none, bytes))
  expect(different.map(([path]) => path)).toEqual([])
}

const none = new Uint8Array()

async function opened(path: string): Promise<ReadableStorage> {
  const onDisk = await archive(await file(path))
  await expectSame(await archive(new Blob([await readFile(path)])), await filesIn(onDisk))
  return onDisk
}

describeWith(['tar'], 'GNU tar', () => {
  const forms: readonly [string, readonly string[]][] = [
    'gnu',
    'oldgnu',
    'pax',
    'posix',
    'ustar',
    'v7',
  ].flatMap((format): [string, readonly string[]][] => [
    [`${format}, with ./`, ['-C', 'layout', `--format=${format}`, '.']],
    [`${format}, of the folder`, [`--format=${format}`, 'layout']],
  ])

  it.each(forms)('%s', async (name, args) => {
    const path = join(work, `${name.replace('/', '')}.tar`)
    await run(tool('tar'), ['-cf', path, ...args], { cwd: work })
    await expectSame(await opened(path), layoutFiles)
  })

  it('names of the files alone, and an archive that was appended to', async () => {
    const path = join(work, 'names.tar')
    await run(tool('tar'), ['-cf', path, '-C', layout, ...(await readdir(layout))])
    await expectSame(await opened(path), layoutFiles)
    await mkdir(join(work, 'later'))
    await writeFile(join(work, 'later', 'index.json'), '{"schemaVersion":2,"manifests":[]}')
    await run(tool('tar'), ['-rf', path, '-C', join(work, 'later'), 'index.json'])
    const dir = await OciDir.open(await archive(await file(path)))
    expect(await dir.tags()).toEqual([])
    expect((await fsck(dir.storage)).findings.map(({ code }) => code)).toContain('FILE_SHADOWED')
  })

  it('hard links and symlinks of a folder, as tar keeps them', async () => {
    const root = join(work, 'linked')
    await onDisk(layoutFiles, root)
    const names = [...layoutFiles.keys()].filter(path => path.startsWith('blobs/sha256/'))
    const [first = '', second = ''] = names
    await link(join(root, first), join(root, 'blobs/sha256/hard'))
    await symlink(second.replace(/^.*\//, ''), join(root, 'blobs/sha256/soft'))
    for (const format of ['gnu', 'pax', 'v7']) {
      const path = join(work, `linked-${format}.tar`)
      await run(tool('tar'), ['-cf', path, '-C', root, `--format=${format}`, '.'])
      const linked = new Map([
        ...layoutFiles,
        ['blobs/sha256/hard', layoutFiles.get(first) ?? none],
        ['blobs/sha256/soft', layoutFiles.get(second) ?? none],
      ])
      expectBytes(await filesIn(await archive(await file(path))), linked)
      expectBytes(await filesIn(folder(root)), linked)
    }
  })

  it('compressed is refused by its kind', async () => {
    const path = join(work, 'layout.tar.gz')
    await run(tool('tar'), ['-czf', path, '-C', layout, '.'])
    const refused = await archive(await file(path)).catch(error => error)
    expect(isOciError(refused, 'ARCHIVE_UNSUPPORTED') && refused.data.kind).toBe('gzip')
    expect(String(refused)).toContain('unpack it first')
  })
})

describeWith(['python3'], "Python's tarfile", () => {
  const script = `
import sys, tarfile
name, form, folder = sys.argv[1:]
with tarfile.open(name, 'w', format=getattr(tarfile, form), pax_headers={'comment': 'global'} if form == 'PAX_FORMAT' else None) as tar:
  tar.add(folder, arcname='a folder with ä/and a long name ' + 'n' * 90 if form != 'USTAR_FORMAT' else 'layout')
`
  it.each(['GNU_FORMAT', 'PAX_FORMAT', 'USTAR_FORMAT'])('%s', async form => {
    const path = join(work, `${form}.tar`)
    await run(tool('python3'), ['-c', script, path, form, layout])
    await expectSame(await opened(path), layoutFiles)
  })
})

describeWith(['skopeo'], 'skopeo', () => {
  it('writes an oci-archive that is the image that it copied', async () => {
    const dir = await OciDir.open(folder(layout))
    const [tag] = await dir.tags()
    if (tag === undefined) throw new Error('the fixture has a tag')
    const path = join(work, 'skopeo.tar')
    const policy = join(work, 'policy.json')
    await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}')
    const skopeo = (from: string, to: string): Promise<unknown> =>
      run(tool('skopeo'), [
        '--policy',
        policy,
        '--tmpdir',
        work,
        'copy',
        '-q',
        '--preserve-digests',
        from,
        to,
      ])
    await skopeo(`oci:${layout}:${tag.tag}`, `oci-archive:${path}:copied`)
    const storage = await opened(path)
    const copied = await OciDir.open(storage)
    const image = await copied.openImage('copied')
    expect(image.manifest.bytes).toEqual((await dir.openImage(tag.tag)).manifest.bytes)
    expect((await fsck(storage)).findings).toEqual([])
    // And back: what it reads from the archive is what we do.
    await skopeo(`oci-archive:${path}:copied`, `oci:${join(work, 'back')}:back`)
    const back = await OciDir.open(folder(join(work, 'back')))
    expect((await back.openImage('back')).manifest.bytes).toEqual(image.manifest.bytes)
  })
})
