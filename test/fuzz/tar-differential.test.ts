/** P15: of mutated tars Python's tarfile and we take the same ones, and see the same in them, but for what is named here. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { isOciError } from '../../src/errors.ts'
import { readTar } from '../../src/tar/index.ts'
import { isLong, rounds, seed } from '../setup/rounds.ts'
import { Tally } from '../setup/tally.ts'
import { itWith, tool } from '../setup/tools.ts'
import { lots } from '../suites/seeded-bytes.ts'
import { bytesOf } from '../unit/tar/samples.ts'
import { corpusOf } from './corpus.ts'
import { crc32 } from './crc.ts'
import { type Mutant, mendTar, mutate } from './mutate.ts'
import { tarTarget } from './tars.ts'

const mutants = rounds({ short: 3_000, long: 100_000 })
const batch = 3_000

/** Kind, name, where it leads, and what its bytes are. */
type Row = readonly string[]
interface Seen {
  readonly rows: readonly Row[]
  readonly refused?: string
}

async function ours(bytes: Uint8Array): Promise<Seen> {
  const rows: Row[] = []
  try {
    for await (const { type, rawPath, rawLinkname, size, body } of readTar(bytes)) {
      const path = rawPath.at(-1) === 0x2f && type === 'directory' ? rawPath.subarray(0, -1) : rawPath
      const isLarge = type === 'file' && size > 1 << 20
      const content = type === 'file' && !isLarge ? await bytesOf(body) : new Uint8Array()
      rows.push([
        type,
        base64(path),
        base64(rawLinkname),
        isLarge ? 'large' : `${content.length}:${crc32(content)}`,
      ])
    }
    return { rows }
  } catch (error) {
    if (!isOciError(error)) throw error
    return { rows, refused: isOciError(error, 'TAR_INVALID') ? error.data.reason : error.code }
  }
}

/** One process for many tars. */
function theirs(tars: readonly Uint8Array[]): Promise<readonly Seen[]> {
  const child = spawn(tool('python3'), [fileURLToPath(new URL('tar-judge.py', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  for (const bytes of tars) {
    const size = Buffer.alloc(4)
    size.writeUInt32LE(bytes.length)
    child.stdin.write(size)
    child.stdin.write(bytes)
  }
  child.stdin.end()
  let text = ''
  child.stdout.setEncoding('utf8').on('data', data => {
    text += data
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () =>
      resolve(
        text
          .split('\n')
          .filter(line => line !== '')
          .map(line => JSON.parse(line)),
      ),
    )
  })
}

/** How two readers differ; `undefined` where they don't. The classes are explained below. */
function difference(us: Seen, them: Seen): string | undefined {
  const common = Math.min(us.rows.length, them.rows.length)
  const same = (i: number): boolean => String(us.rows[i]) === String(them.rows[i])
  const first = us.rows.findIndex((_, i) => i < common && !same(i))
  if (first >= 0) return `row: ${us.rows[first]} | ${them.rows[first]}`
  // Whose list ends first: of two that agree, that is the one which stopped.
  const more = us.rows.length - them.rows.length
  const whose = more > 0 ? ', and see more' : more < 0 ? ', and see less' : ''
  if (us.refused !== undefined)
    return them.refused === undefined ? `we refuse: ${us.refused}${whose}` : undefined
  if (them.refused !== undefined) return `they refuse: ${them.refused}${whose}`
  return more === 0 ? undefined : `nobody refuses${whose}`
}

/** What is known to differ and why it should, with the share that it may have: more of it is another fault. */
const known: readonly (readonly [
  name: string,
  difference: RegExp,
  most: number,
  shows?: (bytes: Uint8Array) => boolean,
])[] = [
  // One is the end to tarfile, as to many; to us nothing may hide behind it.
  ['a lone zero block', /^we refuse: a lone zero block(?!.*see less$)/s, 0.06],
  // To tarfile such a link has no body, whatever its size, and what follows is a header that it can't read.
  [
    'a hard link with a body of its own',
    /^they refuse: stopped behind a hardlink: (bad checksum|truncated)/,
    0.03,
  ],
  // It takes them as int() of Python does, and ends a number at the first NUL; Go refuses them as we do.
  ['numbers that Python reads', /^we refuse: bad (mode|uid|gid|size|mtime|device number).*see less$/s, 0.002],
  // Records and maps that GNU tar and Go refuse too; tarfile reads what it can of them.
  [
    'records and maps',
    /^we refuse: (bad pax|pax record|bad sparse|a sparse map|a NUL|ends after|UNSUPPORTED|LIMIT_)/,
    0.04,
  ],
  // Old writers didn't fill up the last block: all of the content is there, or tarfile would have one entry less.
  ['we take a last block that is cut', /^they refuse: ReadError: unexpected end of data$/, 0.03],
  // Of what isn't a device, a pax header or a long name: many put anything there.
  [
    'fields that matter to nobody',
    /^they refuse: (ReadError|stopped behind a \w+): invalid header(?!.*see less$)/s,
    0.01,
  ],
  ['nothing, or nothing behind a global header', /^they refuse: ReadError: (empty|end of file)[^,]*$/, 0.015],
  // To it the header has no body then, and what follows is a header that it can't read. Go has it as we do.
  [
    'a size that begins with NULs',
    /^they refuse: (ReadError: bad checksum, and see more|stopped behind a (file|other): (bad checksum|truncated header))$/,
    0.0003,
    hasSizeBehindNul,
  ],
  // An empty part ends a map to GNU tar and us; tarfile goes on behind it, and misses bytes.
  ['a map with an empty part', /^they refuse: ReadError: unexpected end of data, and see more$/, 0.0001],
  ['names that it fails to decode', /^they refuse: UnicodeDecodeError/, 0.001],
  // Of two pax headers before an entry tarfile takes the first, we and GNU tar the last; a name that they make a folder's
  // is one to us; `GNU.sparse.size` without a map is a hole to it, and a record that says nothing to us; it takes a prefix
  // where there is no magic, and a size that begins with NULs for 0, both unlike Go and us.
  ['two headers of one entry', /^row: /, 0.004],
]

/** Tells whether a header has a size with a NUL before its digits. */
function hasSizeBehindNul(bytes: Uint8Array): boolean {
  const text = new TextDecoder('latin1').decode(bytes)
  for (let at = 0; at + 512 <= text.length; at += 512)
    if (text.startsWith('ustar', at + 257) && /^\0+[0-7]+\0*$/.test(text.slice(at + 124, at + 136)))
      return true
  return false
}

/** What came of the comparisons with one reader. */
class Comparison {
  readonly tally: Tally
  readonly counts = new Map<string, number>()

  constructor(name: string) {
    this.tally = new Tally(name)
  }

  add(us: Seen, them: Seen, bytes: Uint8Array): void {
    this.tally.attempts++
    const name = this.#class(us, them, bytes)
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
    if (name === 'unknown') this.tally.losses++
  }

  /** What once failed counts in no share. */
  replay(us: Seen, them: Seen, bytes: Uint8Array): void {
    this.tally.attempts++
    this.tally.fired++
    if (this.#class(us, them, bytes) === 'unknown') this.tally.losses++
  }

  #class(us: Seen, them: Seen, bytes: Uint8Array): string {
    const found = difference(us, them)
    if (found === undefined) return them.refused === undefined ? 'taken' : 'refused'
    const name = known.find(([, pattern, , shows]) => pattern.test(found) && shows?.(bytes) !== false)?.[0]
    if (name === undefined && this.tally.losses < 5 && !this.tally.name.endsWith('(broken on purpose)'))
      console.log(`for test/fuzz/corpus/tar.txt:\n# ${found} (seed ${seed})\n${base64(bytes)}`)
    return name ?? 'unknown'
  }

  /** The share that both take, and see the same in, or both refuse. */
  alike(): number {
    return ((this.counts.get('taken') ?? 0) + (this.counts.get('refused') ?? 0)) / this.tally.attempts
  }

  report(): Tally {
    const { tally, counts } = this
    for (const [name, , most] of known) {
      tally.losses += Math.max(0, (counts.get(name) ?? 0) - Math.ceil(most * tally.attempts))
    }
    console.log(`${tally.name}: seed ${seed}, ${JSON.stringify(Object.fromEntries(counts))}`)
    return tally.report()
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

itWith(
  `P15: agrees with Python's tarfile on ${mutants} mutants`,
  { tools: ['python3'], timeout: isLong ? 3_600_000 : 300_000 },
  async () => {
    const seeds = await tarTarget.seeds()
    const below = lots(seed)
    const careful = new Comparison('P15: tar against tarfile')
    const careless = new Comparison('P15: tar against tarfile, no sum of headers (broken on purpose)')
    const originals = await theirs(seeds)
    const kept = [...corpusOf('tar'), ...corpusOf('archive')]
    for (const [i, them] of (await theirs(kept)).entries()) {
      const bytes = kept[i] as Uint8Array
      careful.replay(await ours(bytes), them, bytes)
    }
    for (let done = 0; done < mutants; done += batch) {
      const tars: Mutant[] = Array.from({ length: batch }, () => mutate(seeds, tarTarget.format, below))
      const answers = await theirs(tars.map(({ bytes }) => bytes))
      for (const [i, { bytes, origin, mended }] of tars.entries()) {
        const them = answers[i] as Seen
        const isOther = JSON.stringify(them) !== JSON.stringify(originals[origin])
        if (isOther) careful.tally.fired++
        careful.add(await ours(bytes), them, bytes)
        if (mended || done > 0) continue
        if (isOther) careless.tally.fired++
        careless.add(await ours(mendTar(bytes.slice())), them, bytes)
      }
    }
    expect(careful.report().losses).toBe(0)
    expect(careful.counts.get('taken')).toBeGreaterThan(mutants / 10)
    expect(careful.counts.get('refused')).toBeGreaterThan(mutants / 10)
    expect(careful.alike()).toBeGreaterThan(0.88)
    expect(careless.report().losses).toBeGreaterThan(0)
  },
)
