/** The package as others get it: built, packed, and installed in a folder of somebody else's. */

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { node, npm } from '../house/run.ts'
import { top } from '../house/sources.ts'

/** A tarball and the paths in it. */
export interface PackedPackage {
  readonly tarball: string
  readonly content: readonly string[]
}

/** Builds and packs. */
export async function packInto(folder: string): Promise<PackedPackage> {
  await node(top, 'scripts/build.mjs')
  const [packed] = JSON.parse(await npm(top, 'pack', '--json', '--pack-destination', folder))
  const content: readonly string[] = packed.files.map(({ path }: { path: string }) => path)
  return { tarball: join(folder, packed.filename), content }
}

/** Makes a project that has the package and nothing else. */
export async function installInto(home: string, tarball: string): Promise<void> {
  await mkdir(home, { recursive: true })
  await writeFile(join(home, 'package.json'), '{ "private": true, "type": "module" }')
  await npm(home, 'install', '--prefer-offline', '--ignore-scripts', tarball)
}
