/** P17: whichever call to the file system fails, and however, what is thrown is typed. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { isOciError } from '../../src/errors.ts'
import { OciDir } from '../../src/oci-dir.ts'
import { emptyDescriptor } from '../../src/spec.ts'
import type { StorageAdapter } from '../../src/storage.ts'
import { collect } from '../../src/streams.ts'
import { bytesOf, entriesIn } from '../suites/material.ts'

const faults = vi.hoisted(() => ({ errno: '', at: 0, calls: 0, fired: false }))

vi.mock('node:fs/promises', async original => {
  const real = await original<Record<string, unknown>>()
  const failing =
    (name: string, call: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]): Promise<unknown> => {
      if (++faults.calls === faults.at) {
        faults.fired = true
        throw Object.assign(new Error(`${faults.errno}: injected, ${name}`), {
          code: faults.errno,
          syscall: name,
        })
      }
      const result = await call(...args)
      return name === 'open' ? handle(result as object) : result
    }
  const handle = (inner: object): object =>
    new Proxy(inner, {
      get(target, name) {
        const value = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        // A handle that isn't closed would stay open for ever.
        if (name === 'close') return value.bind(target)
        return failing(String(name), value.bind(target))
      },
    })
  const wrapped = Object.entries(real).map(([name, value]) =>
    typeof value === 'function' ? [name, failing(name, value as () => unknown)] : [name, value],
  )
  return Object.fromEntries(wrapped)
})

vi.mock('node:fs', async original => {
  const real = await original<Record<string, unknown>>()
  const failing = (name: string, call: (...args: unknown[]) => unknown): object => {
    const failOrCall = (...args: unknown[]): unknown => {
      if (++faults.calls === faults.at) {
        faults.fired = true
        throw Object.assign(new Error(`${faults.errno}: injected, ${name}`), {
          code: faults.errno,
          syscall: name,
        })
      }
      return call(...args)
    }
    return Object.assign(
      failOrCall,
      'native' in call && { native: failing(name, call.native as () => unknown) },
    )
  }
  // A file that isn't closed would stay open for ever.
  const names = ['openSync', 'fstatSync', 'readSync', 'realpathSync']
  return {
    ...real,
    ...Object.fromEntries(names.map(name => [name, failing(name, real[name] as () => unknown)])),
  }
})

/** One of each kind; what each errno means is a table of its own, in the adapter's test. */
const codes = [
  ['EIO', 'STORAGE_FAILED'],
  ['ENOSPC', 'STORAGE_FULL'],
  ['EACCES', 'STORAGE_DENIED'],
] as const

const operations: Readonly<Record<string, (storage: StorageAdapter) => Promise<unknown>>> = {
  writeBlob: async storage => (await OciDir.open(storage)).writeBlob(bytesOf(700_000, 3)),
  readBlob: async storage => {
    const dir = await OciDir.open(storage)
    const [entry] = (await dir.readIndex()).value.manifests
    return collect(await dir.readBlob(entry ?? emptyDescriptor), { max: 1 << 20 })
  },
  insertManifest: async storage =>
    (await OciDir.open(storage)).insertManifest(
      { schemaVersion: 2, config: emptyDescriptor, layers: [] },
      { tag: 'x' },
    ),
  list: entriesIn,
  remove: storage => storage.remove(() => [`blobs/sha256/${'0'.repeat(64)}`]),
}

/** Fails the `at`th call of an operation on a layout of its own. */
async function failOnce(
  name: string,
  errno: string,
  at: number,
): Promise<{ fired: boolean; error: unknown }> {
  const path = await mkdtemp(join(tmpdir(), 'ocidir-errors-'))
  const dir = await OciDir.ensure(folder(path, { durability: 'relaxed' }))
  await dir.insertManifest({ schemaVersion: 2, config: emptyDescriptor, layers: [] }, { tag: 'a' })
  const storage = folder(path)
  Object.assign(faults, { errno, at, calls: 0, fired: false })
  const error = await operations[name]?.(storage).then(
    () => undefined,
    thrown => thrown,
  )
  const { fired } = faults
  faults.at = 0
  await storage.close()
  await rm(path, { recursive: true })
  return { fired, error }
}

for (const name of Object.keys(operations)) {
  it(`P17: an error of the file system is typed, at whichever call of ${name} it comes`, {
    timeout: 120_000,
  }, async () => {
    const wrong: string[] = []
    const sum = { attempts: 0, fired: 0, thrown: 0 }
    for (let at = 1, isReached = true; isReached; at++) {
      const [errno, code] = codes[at % codes.length] ?? codes[0]
      const { fired, error } = await failOnce(name, errno, at)
      isReached = fired
      sum.attempts++
      if (fired) sum.fired++
      if (error === undefined) continue
      sum.thrown++
      const isTyped = isOciError(error) && error.code === code && error.cause instanceof Error
      if (!isTyped) wrong.push(`${errno} at call ${at}: ${String(error)}`)
    }
    const { attempts, fired, thrown } = sum
    console.log(
      `P17 ${name}: ${attempts} attempts, ${fired} faults fired, ${thrown} thrown, ${wrong.length} not typed`,
    )
    expect(fired).toBeGreaterThan(1)
    expect(wrong).toEqual([])
  })
}
