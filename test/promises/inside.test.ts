/** P16 in a folder, where one more of the trials can be made: a blob that is a link leading out. */

import { mkdtemp, rename, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { layerCheck } from '../../src/deep/index.ts'
import { blobPath } from '../../src/digest.ts'
import { fsck } from '../../src/fsck.ts'
import { onDisk } from '../interop/fixture-layouts.ts'
import { Tally } from '../setup/tally.ts'
import { brokenLayers } from './damaged-layers.ts'
import { brokenLayouts, soundLayouts } from './damaged-layouts.ts'
import { judge, type Open, serious } from './inside.ts'
import { type Files, fixtureFiles, imageIn } from './layouts.ts'

let scratch = ''
let count = 0
let clean: Files = new Map()
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ocidir-inside-'))
  clean = await fixtureFiles('corrupt/00-clean')
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

const open: Open = async files => {
  const root = join(scratch, String(count++))
  await onDisk(files, root)
  return folder(root)
}

it('P16: finds what has no fixture in a folder, and refuses nothing that is sound', async () => {
  const tally = new Tally('P16: broken layouts and layers made here, in a folder')
  const kinds = [...(await brokenLayouts(clean)), ...(await brokenLayers(clean))]
  for (const kind of kinds) {
    await judge(tally, kind, { open })
    const { findings } = await fsck(await open(kind.near), { deep: layerCheck() })
    expect([kind.name, serious(findings)]).toEqual([kind.name, []])
  }
  for (const [name, files] of await soundLayouts(clean)) {
    expect([name, serious((await fsck(await open(files), { deep: layerCheck() })).findings)]).toEqual([
      name,
      [],
    ])
  }
  expect(tally.report()).toMatchObject({ attempts: kinds.length, losses: 0 })
})

it('P16: 29, warns of a blob that is a link leading out', async () => {
  const root = join(scratch, String(count++))
  await onDisk(clean, root)
  const blob = join(root, blobPath(imageIn(clean).manifest.layers[0]?.digest ?? ''))
  await rename(blob, join(scratch, 'elsewhere'))
  await symlink(join(scratch, 'elsewhere'), blob)
  const { findings } = await fsck(folder(root), { deep: layerCheck() })
  expect(serious(findings)).toContain('warning LINK_OUTSIDE')
})
