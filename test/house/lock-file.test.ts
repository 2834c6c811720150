import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { top } from './sources.ts'

interface Locked {
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

// npm drops what its registry doesn't have at that hour, and `npm ci` then refuses the file on every machine.
it('the lock file names the optional packages of every platform, and no registry', async () => {
  const lock = JSON.parse(await readFile(join(top, 'package-lock.json'), 'utf8'))
  const packages: Readonly<Record<string, Locked>> = lock.packages
  const wanted = Object.values(packages).flatMap(each => Object.keys(each.optionalDependencies ?? {}))
  expect(wanted.length).toBeGreaterThan(20)
  expect(wanted.filter(name => packages[`node_modules/${name}`] === undefined)).toEqual([])
  expect(Object.values(packages).filter(({ resolved }) => resolved !== undefined)).toEqual([])
})
