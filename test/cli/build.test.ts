import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { frame } from '../unit/codec/frames.ts'
import { expected, json, ocidir, scratch, unpack } from './command.ts'

interface Built {
  readonly digest: string
  readonly layers: readonly { digest: string; size: number; diffId: string }[]
  readonly config: string
}

const cwd = scratch()
const env = { SOURCE_DATE_EPOCH: '1700000000' }
const platform = ['--platform', 'linux/amd64']
const tarFile = join(cwd, 'given.tar')
let tar = Buffer.alloc(0)

beforeAll(() => {
  mkdirSync(join(cwd, 'app/sub'), { recursive: true })
  writeFileSync(join(cwd, 'app/run'), '#!/bin/sh\necho hi\n')
  chmodSync(join(cwd, 'app/run'), 0o700)
  writeFileSync(join(cwd, 'app/sub/data'), 'x'.repeat(100_000))
  chmodSync(join(cwd, 'app/sub/data'), 0o600)
  symlinkSync('run', join(cwd, 'app/link'))
  spawnSync('tar', ['-cf', tarFile, '-C', join(cwd, 'app'), '.'])
  tar = readFileSync(tarFile)
})

async function build(target: string, ...args: string[]): Promise<Built> {
  const built = await json(['build', target, ...args], { cwd, env })
  // The shape is tested by itself below.
  return built as Built
}

async function configOf(ref: string): Promise<Record<string, unknown> & { config: Record<string, unknown> }> {
  const { code, stdout, stderr } = await ocidir(['config', ref], { cwd })
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

async function list(ref: string): Promise<Record<string, unknown>[]> {
  const rows = await json(['ls', ref], { cwd })
  return Array.isArray(rows) ? rows : []
}

async function expectClean(layout: string): Promise<void> {
  const { code, stdout } = await ocidir(['fsck', layout, '--strict'], { cwd })
  expect([code, stdout]).toEqual([0, ''])
}

describe('a folder', () => {
  it('is put at its destination, with owners, modes and times made equal', async () => {
    await build('folder:1', ...platform, '--layer', 'app:/opt/app/')
    const file = { uid: 0, gid: 0, mtime: 1_700_000_000 }
    expect(await list('folder:1')).toEqual([
      { path: 'opt', type: 'directory', mode: '0755', size: 0, ...file },
      { path: 'opt/app', type: 'directory', mode: '0755', size: 0, ...file },
      { path: 'opt/app/link', type: 'symlink', mode: '0777', size: 0, linkname: 'run', ...file },
      { path: 'opt/app/run', type: 'file', mode: '0755', size: 18, ...file },
      { path: 'opt/app/sub', type: 'directory', mode: '0755', size: 0, ...file },
      { path: 'opt/app/sub/data', type: 'file', mode: '0644', size: 100_000, ...file },
    ])
    await expectClean('folder')
  })

  it('gives one digest wherever it lies, whatever its files times are', async () => {
    const first = await build('det:1', ...platform, '--layer', 'app:app', '--cmd', '/app/run')
    spawnSync('cp', ['-r', join(cwd, 'app'), join(cwd, 'elsewhere')])
    utimesSync(join(cwd, 'elsewhere/run'), 1, 1)
    const second = await build(
      'det2:other',
      ...platform,
      '--layer',
      'elsewhere:/app',
      '--cmd',
      '["/app/run"]',
    )
    expect(second.digest).toBe(first.digest)
    const text = await ocidir(['build', 'det3:1', ...platform, '--layer', 'app:app', '--cmd', '/app/run'], {
      cwd,
      env,
    })
    expect(text).toMatchObject({ code: 0, stdout: `${first.digest}\n`, stderr: '' })
  })

  it('may have a name with colons in it, where the longest one that is there counts', async () => {
    mkdirSync(join(cwd, 'a:b'))
    writeFileSync(join(cwd, 'a:b/f'), '')
    await build('colons:1', ...platform, '--layer', 'a:b:c', '--layer', 'a:b')
    expect((await list('colons:1')).map(({ path }) => path)).toEqual(['c', 'c/f', 'f'])
  })

  it('must not hold the layout', async () => {
    for (const target of ['app/out:1', './app/sub/../x/y:1']) {
      const { code, stderr } = await ocidir(['build', target, '--layer', 'app'], { cwd, env })
      expect(code).toBe(2)
      expect(stderr).toMatch(/lies in app/)
    }
    expect(readdirSync(join(cwd, 'app')).sort()).toEqual(['link', 'run', 'sub'])
  })
})

describe('a tar', () => {
  it('is stored as it is', async () => {
    const { layers } = await build('tars:plain', ...platform, '--layer', 'given.tar', '--compression', 'none')
    expect(layers).toEqual([{ digest: sha256(tar), size: tar.length, diffId: sha256(tar) }])
  })

  it('is the same from a file, from stdin, out of gzip and zstd, compressed canonically', async () => {
    writeFileSync(join(cwd, 'given.tar.gz'), gzipSync(tar, { level: 1 }))
    const file = await build('tars:file', ...platform, '--layer', 'given.tar')
    const gz = await build('tars:gz', ...platform, '--layer', 'given.tar.gz')
    const args = ['build', 'tars:stdin', ...platform, '--layer', '-']
    const stdin = await json(args, { cwd, env, input: tar })
    const stdinGz = await json(args, { cwd, env, input: gzipSync(tar) })
    const stdinZstd = await json(args, { cwd, env, input: await frame({ content: tar }) })
    for (const { digest } of [gz, stdin as Built, stdinGz as Built, stdinZstd as Built])
      expect(digest).toBe(file.digest)
    expect(file.layers[0]?.diffId).toBe(sha256(tar))
    const { bytes } = await ocidir(['blob', `tars@${file.layers[0]?.digest}`], { cwd })
    expect(gunzipSync(bytes).equals(tar)).toBe(true)
    await expectClean('tars')
  })

  it('out of gzip is stored plain with --compression none', async () => {
    const { layers } = await build(
      'tars:ungz',
      ...platform,
      '--layer',
      'given.tar.gz',
      '--compression',
      'none',
    )
    expect(layers[0]?.digest).toBe(sha256(tar))
  })

  it.each([
    ['not a tar', Buffer.from('hello '.repeat(200)), /stdin does not begin with a tar header/],
    ['nothing', Buffer.alloc(0), /stdin does not begin with a tar header/],
    ['a gzip of no tar', gzipSync('hello'), /does not begin with a tar header/],
    ['a gzip cut short', gzipSync(Buffer.alloc(10_240)).subarray(0, 20), /not valid gzip/],
    ['a zstd cut short', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0]), /not valid zstd/],
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]), /layers from xz/],
  ])('that is %s is refused and leaves nothing behind', async (_, input, reason) => {
    const { code, stdout, stderr } = await ocidir(['build', 'refused:1', '--layer', '-'], { cwd, env, input })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(reason)
    expect(await json(['fsck', 'refused'], { cwd })).toEqual({ ok: true, validated: 0, findings: [] })
  })
})

describe('a tar whose writer died', () => {
  it.each<[string, (whole: Buffer) => Buffer]>([
    ['in a file', whole => whole.subarray(0, 51_200)],
    ['in a header', whole => whole.subarray(0, 700)],
    ['before it was packed', whole => gzipSync(whole.subarray(0, 51_200))],
  ])('%s is refused, and leaves nothing behind', async (_, cut) => {
    const args = ['build', 'cut:1', '--layer', '-']
    const { code, stdout, stderr } = await ocidir(args, { cwd, env, input: cut(tar) })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/not a valid tar: stdin: cut short/)
    expect(await json(['fsck', 'cut'], { cwd })).toEqual({ ok: true, validated: 0, findings: [] })
  })

  it('is taken where it ends after a file: the two zero blocks may be missing', async () => {
    const [own, all] = [tar.subarray(0, 512), tar.subarray(0, withoutEnd(tar))]
    for (const [input, count] of [
      [own, 0],
      [all, 4],
    ] as const) {
      await json(['build', 'endless:1', '--layer', '-'], { cwd, env, input })
      expect(await list('endless:1')).toHaveLength(count)
    }
  })
})

/** Where the zero blocks at a tar's end begin. */
function withoutEnd(whole: Buffer): number {
  let end = whole.length
  while (whole.subarray(end - 512, end).every(byte => byte === 0)) end -= 512
  return end
}

describe('the result', () => {
  it('as json has exactly these fields', async () => {
    const built = await build('out:reg.io/app:1', '--platform', 'linux/arm64/v8', '--layer', 'app')
    expect(readdirSync(join(cwd, 'out')).sort()).toEqual(['blobs', 'index.json', 'oci-layout'])
    const { bytes } = await ocidir(['manifest', 'out'], { cwd })
    const manifest = JSON.parse(bytes.toString())
    const { rootfs } = await configOf('out')
    expect(built).toEqual({
      digest: sha256(bytes),
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      size: bytes.length,
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
      tag: 'reg.io/app:1',
      layers: [
        {
          digest: manifest.layers[0].digest,
          size: manifest.layers[0].size,
          diffId: (rootfs as { diff_ids: string[] }).diff_ids[0],
        },
      ],
      config: manifest.config.digest,
    })
    expect(await json(['tags', 'out'], { cwd })).toMatchObject([
      { tag: 'reg.io/app:1', digest: built.digest },
    ])
  })

  it('is for linux on this machine unless told', async () => {
    const built = await json(['build', 'host:1'], { cwd, env })
    const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string]
    expect(built).toMatchObject({ platform: { os: 'linux', architecture }, layers: [] })
    await expectClean('host')
  })

  it('keeps layers in the order given, and says how each was made', async () => {
    const { layers } = await build(
      'order:1',
      ...platform,
      '--layer',
      'given.tar',
      '--layer',
      'app:/x',
      '--layer',
      'a:b',
    )
    expect(layers[0]?.diffId).toBe(sha256(tar))
    const created = '2023-11-14T22:13:20Z'
    expect((await configOf('order:1')).history).toEqual([
      { created, created_by: 'ADD layer.tar /' },
      { created, created_by: 'COPY . /x' },
      { created, created_by: 'COPY . /' },
    ])
  })

  it('is dated by --created, else SOURCE_DATE_EPOCH, else now', async () => {
    await build('dates:given', '--created', '2020-02-29T12:00:00.123456789+01:00', '--layer', 'app')
    await build('dates:epoch')
    const before = Date.now()
    await json(['build', 'dates:now'], { cwd })
    expect(await configOf('dates:given')).toMatchObject({
      created: '2020-02-29T12:00:00.123456789+01:00',
      history: [{ created: '2020-02-29T12:00:00.123456789+01:00' }],
    })
    expect((await configOf('dates:epoch')).created).toBe('2023-11-14T22:13:20Z')
    const now = Date.parse(String((await configOf('dates:now')).created))
    expect(now).toBeGreaterThanOrEqual(before)
    expect(now).toBeLessThanOrEqual(Date.now())
  })

  it('has a moved tag when it is built again', async () => {
    const first = await build('again:1', '--label', 'n=1')
    const second = await build('again:1', '--label', 'n=2')
    expect(second.digest).not.toBe(first.digest)
    expect(await json(['tags', 'again'], { cwd })).toMatchObject([{ tag: '1', digest: second.digest }])
  })

  it('loses no tag when several processes build into one new layout at once', async () => {
    const names = ['a', 'b', 'c', 'd']
    const built = await Promise.all(names.map(name => build(`crowd:${name}`, '--layer', `app:/${name}`)))
    const rows = await json(['tags', 'crowd'], { cwd })
    const found = new Map(Array.isArray(rows) ? rows.map(row => [row.tag, row.digest]) : [])
    expect(names.map(name => found.get(name))).toEqual(built.map(({ digest }) => digest))
    expect(new Set(found.values()).size).toBe(names.length)
    await expectClean('crowd')
  })

  it('depends on the level', async () => {
    const sizes = []
    for (const level of ['0', '1', '9']) {
      const { layers } = await build(`levels:${level}`, '--layer', 'given.tar', '--level', level)
      sizes.push(layers[0]?.size ?? 0)
    }
    expect(sizes[0]).toBeGreaterThan(tar.length)
    expect(sizes[2]).toBeLessThanOrEqual(sizes[1] ?? 0)
    expect(sizes[1]).toBeLessThan(tar.length / 10)
  })
})

describe('the container', () => {
  it('is what the options say', async () => {
    await build(
      'run:1',
      ...[
        '--entrypoint',
        '/bin/sh',
        '--entrypoint',
        '-c',
        '--cmd',
        '["echo", "a b"]',
        '--cmd',
        'more',
        '--cmd',
        '--help',
      ],
      ...[
        '--env',
        'A=1',
        '--env',
        'B=x=y',
        '--env',
        'A=2',
        '--label',
        'k=v=w',
        '--label',
        'bare',
        '--label',
        '__proto__=p',
      ],
      ...['--workdir', '/work', '--user', '1000:1000'],
    )
    const { config } = await configOf('run:1')
    expect(config).toEqual({
      Entrypoint: ['/bin/sh', '-c'],
      Cmd: ['echo', 'a b', 'more', '--help'],
      Env: ['A=2', 'B=x=y'],
      Labels: JSON.parse('{"k":"v=w","bare":"","__proto__":"p"}'),
      WorkingDir: '/work',
      User: '1000:1000',
    })
  })

  it('takes from a base what is not changed, replaces what has the same name, and adds the rest', async () => {
    await build(
      'base:1',
      '--cmd',
      'old',
      '--env',
      'A=1',
      '--env',
      'B=2',
      '--label',
      'a=1',
      '--label',
      'b=2',
      '--workdir',
      '/w',
    )
    await build(
      'base:2',
      '--base',
      'base:1',
      '--env',
      'C=3',
      '--env',
      'A=9',
      '--label',
      'b=9',
      '--workdir',
      'sub',
    )
    expect((await configOf('base:2')).config).toEqual({
      Cmd: ['old'],
      Env: ['A=9', 'B=2', 'C=3'],
      Labels: { a: '1', b: '9' },
      WorkingDir: '/w/sub',
    })
  })

  it('has no cmd of the base under a new entrypoint, unless one is given', async () => {
    await build('entry:base', '--entrypoint', '/old', '--cmd', 'arg')
    await build('entry:new', '--base', 'entry:base', '--entrypoint', '/new')
    await build('entry:both', '--base', 'entry:base', '--entrypoint', '/new', '--cmd', 'other')
    await build('entry:none', '--base', 'entry:base', '--entrypoint', '[]', '--cmd', '[]', '--env', 'A=1')
    expect((await configOf('entry:new')).config).toEqual({ Entrypoint: ['/new'] })
    expect((await configOf('entry:both')).config).toEqual({ Entrypoint: ['/new'], Cmd: ['other'] })
    expect((await configOf('entry:none')).config).toEqual({ Env: ['A=1'] })
  })
})

describe('a base', () => {
  interface Fixture {
    readonly images: readonly {
      manifest: string
      platform: { architecture: string }
      layers: { digest: string }[]
    }[]
  }

  it.each(['rs-gzip', 'buildah-commit', 'crane-append', 'umoci-raw'])(
    'may be of another layout: %s',
    async name => {
      const base = unpack(name, cwd)
      const [image] = expected<Fixture>(name).images
      const target = `on-${name}`
      const { layers } = await build(`${target}:1`, '--base', base, '--layer', 'app:/app')
      expect(layers.map(({ digest }) => digest).slice(0, -1)).toEqual(
        image?.layers.map(({ digest }) => digest),
      )
      await expectClean(target)
      const below = new Set((await list(base)).map(({ path }) => path))
      const above = (await list(`${target}:1`)).map(({ path }) => path)
      expect(above).toEqual(expect.arrayContaining([...below, 'app/run']))
      const { annotations } = JSON.parse((await ocidir(['manifest', target], { cwd })).stdout)
      expect(annotations['org.opencontainers.image.base.digest']).toBe(image?.manifest)
    },
  )

  it('may be of the same layout', async () => {
    const one = await build('same:1', ...platform, '--layer', 'given.tar')
    const two = await build('same:2', '--base', 'same:1', '--layer', 'app')
    const three = await build('same:1', '--base', `same@${two.digest}`, '--layer', 'a:b')
    expect(two.layers[0]).toEqual(one.layers[0])
    expect(three.layers.slice(0, 2)).toEqual(two.layers)
    expect(await json(['tags', 'same'], { cwd })).toMatchObject([
      { tag: '2', digest: two.digest },
      { tag: '1', digest: three.digest },
    ])
  })

  it('of several platforms is chosen by --platform, else this machine’s', async () => {
    const base = unpack('regctl-multiarch', cwd)
    const arm = await json(['build', 'multi:arm', '--base', `${base}:multi`, '--platform', 'linux/arm64'], {
      cwd,
      env,
    })
    const host = await json(['build', 'multi:host', '--base', base], { cwd, env })
    expect(arm).toMatchObject({ platform: { architecture: 'arm64' } })
    expect(host).toMatchObject({ platform: { architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' } })
    await expectClean('multi')
  })

  it('of another platform than the one asked is refused', async () => {
    const base = unpack('regctl-multiarch', join(cwd, 'again'))
    const { images } = expected<Fixture>('regctl-multiarch')
    const arm = images.find(image => image.platform.architecture === 'arm64')?.manifest
    const args = ['build', 'wrong:1', '--base', `${base}@${arm}`, ...platform]
    const { code, stderr } = await ocidir(args, { cwd, env })
    expect(code).toBe(1)
    expect(stderr).toMatch(/the base is for linux\/arm64, not linux\/amd64/)
  })
})

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
