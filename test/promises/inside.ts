/** What the tests of fsck's look inside have in common: what is found, and how it is judged. */

import { Gunzip } from 'fflate'
import { expect } from 'vitest'
import { layerCheck } from '../../src/deep/index.ts'
import type { Finding } from '../../src/findings.ts'
import { type FsckOptions, fsck } from '../../src/fsck.ts'
import type { LayerCheck } from '../../src/fsck-layers.ts'
import { fsckRules } from '../../src/rules.ts'
import type { ReadableStorage } from '../../src/storage.ts'
import type { Tally } from '../setup/tally.ts'
import { type Files, isSame, type Kind } from './layouts.ts'

/** Puts a layout's files on a medium. */
export type Open = (files: Files) => Promise<ReadableStorage>

/** Findings above info. */
export function serious(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ severity }) => severity !== 'info')
    .map(({ severity, code }) => `${severity} ${code}`)
}

/** Counts whether a broken layout is found, by the very code that is to come, and expects every finding to be by the rules. */
export async function judge(
  tally: Tally,
  kind: Kind,
  { open, ...options }: FsckOptions & { open: Open },
): Promise<void> {
  tally.attempts += 1
  if (!isSame(kind.broken, kind.near)) tally.fired += 1
  const { findings } = await fsck(await open(kind.broken), { deep: layerCheck(), ...options })
  if (!serious(findings).includes(kind.said)) tally.losses += 1
  for (const found of findings) expectByRule(found)
}

/** What must be so of every finding: its severity is the rule's, and one inside of a layer says where. */
export function expectByRule({ code, severity, path, digest, entry, message }: Finding): void {
  const rule = fsckRules().find(each => each.code === code)
  expect([code, rule?.severities]).toEqual([code, expect.arrayContaining([severity])])
  if (!/^(PATH|HARDLINK|WHITEOUT|TAR|GZIP|ZSTD|LAYERS)_/.test(code)) return
  expect(path).toMatch(/\/layers\/\d+$/)
  expect(digest).toMatch(/^sha256:/)
  expect(message).toMatch(/at byte \d+|more of this kind/)
  if (/^(PATH|HARDLINK|WHITEOUT)_/.test(code)) expect(entry).toBeTypeOf('string')
}

/** A look into layers that unpacks gzip by a library which checks neither CRC nor size. */
export function withoutChecksums(): LayerCheck {
  const looks = layerCheck().begin()
  return {
    begin: () => ({
      async look(chunks, options) {
        const [first, ...rest] = await gathered(chunks)
        const isGzip = first?.[0] === 0x1f && first[1] === 0x8b
        if (first === undefined || !isGzip) return looks.look(given(first ? [first, ...rest] : []), options)
        const unpacked: Uint8Array[] = []
        const gunzip = new Gunzip(chunk => unpacked.push(chunk))
        for (const chunk of [first, ...rest]) gunzip.push(chunk)
        return { ...(await looks.look(given(unpacked), options)), content: 'gzip' }
      },
    }),
  }
}

async function gathered(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return all
}

async function* given(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks.filter(({ length }) => length > 0)
}
