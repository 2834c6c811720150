import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bin, ocidir, scratch, shell, unpack } from './command.ts'

const folder = scratch()
const layout = unpack('rs-gzip', folder)
const names = [
  'build',
  'fsck',
  'tags',
  'tag',
  'untag',
  'inspect',
  'manifest',
  'config',
  'blob',
  'ls',
  'copy',
  'clone',
]

describe('help', () => {
  it.each(['--help', '-h', 'help'])('%s lists every command on stdout', async arg => {
    const { code, stdout, stderr } = await ocidir([arg])
    expect([code, stderr]).toEqual([0, ''])
    for (const name of names) expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\S`, 'm'))
  })

  it.each(names)('%s has its own, asked in three ways', async name => {
    const [asked, short, long] = await Promise.all([
      ocidir(['help', name]),
      ocidir([name, '-h']),
      ocidir([name, 'whatever', '--help']),
    ])
    expect(asked.stdout).toMatch(new RegExp(`^Usage: ocidir ${name} `))
    expect(asked).toMatchObject({ code: 0, stderr: '' })
    expect([short, long]).toEqual([asked, asked])
  })

  it.each([
    ['help', '--help'],
    ['help', '-h'],
    ['help', 'help'],
    ['--help', '--help'],
  ])('%s %s is the list, too', async (...args) => {
    expect(await ocidir(args)).toEqual(await ocidir(['help']))
  })

  it('without a command goes to stderr, as a wrong call', async () => {
    expect(await ocidir([])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^Usage: ocidir COMMAND/),
    })
  })

  it('is 120 characters wide at the most', async () => {
    const texts = await Promise.all(names.map(name => ocidir(['help', name])))
    const longest = texts.flatMap(({ stdout }) => stdout.split('\n')).filter(line => line.length > 120)
    expect(longest).toEqual([])
  })
})

it('--version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(await ocidir(['--version'])).toMatchObject({ code: 0, stdout: `ocidir ${version}\n`, stderr: '' })
})

it('the bin entry begins with a shebang', () => {
  expect(readFileSync(bin, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
})

describe('a wrong call exits 2, with the reason on stderr and nothing on stdout', () => {
  const digest = `sha256:${'0'.repeat(64)}`
  it.each<[string[], RegExp]>([
    [['fsk'], /unknown command "fsk"; did you mean fsck\?/],
    [['--frobnicate'], /unknown option "--frobnicate"/],
    [['help', 'nothing'], /unknown command "nothing"/],
    [['help', 'ls', 'tags'], /help takes one command/],
    [['fsck'], /expected LAYOUT/],
    [['fsck', layout, 'more'], /too many arguments.*"more"/],
    [['fsck', `${layout}:t`], /whole layout/],
    [['fsck', layout, '--strickt'], /unknown option --strickt; did you mean --strict\?/],
    [['fsck', layout, '--format', 'yaml'], /--format is text or json, not "yaml"/],
    [['fsck', layout, '--format'], /argument missing/],
    [['tags', `${layout}@${digest}`], /whole layout/],
    [['tag', layout], /expected REF NAME/],
    [['tag', layout, ''], /a tag is missing/],
    [['tag', layout, 'a\u001b[31mb'], /control characters/],
    [['untag', layout], /expected DIR:TAG/],
    [['inspect', layout, '--platform', 'a/b/c/d'], /--platform: a platform is os\/architecture/],
    [['manifest', `${layout}@latest`], /"latest".*is not a digest/],
    [['blob', layout], /expected DIR@DIGEST/],
    [['blob', `${layout}:t`], /expected DIR@DIGEST/],
    [['ls', layout, '--layer', '-1'], /ambiguous/],
    [['ls', layout, '--layer', 'x'], /--layer is a whole number/],
    [['build', 'out'], /expected DIR:TAG/],
    [['build', 'out:1', '--compression', 'zip'], /--compression is gzip, zstd or none/],
    [['build', 'out:1', '--compression', 'none', '--level', '1'], /--level goes with gzip or zstd/],
    [['build', 'out:1', '--compression', 'zstd', '--level', '20'], /--level/],
    [['build', 'out:1', '--compression', 'zstd', '--deflate', 'zlib'], /--deflate goes with gzip/],
    [['build', 'out:1', '--deflate', 'pako'], /--deflate is fflate, zlib or platform/],
    [['build', 'out:1', '--level', '10'], /from 0 to 9/],
    [['build', 'out:1', '--platform', 'linux'], /--platform: a platform is os\/architecture/],
    [['build', 'out:1', '--env', 'NAME'], /--env is NAME=VALUE/],
    [['build', 'out:1', '--env', '=x'], /--env is NAME=VALUE/],
    [['build', 'out:1', '--label', '=x'], /--label is NAME=VALUE/],
    [['build', 'out:1', '--cmd', '["a"'], /--cmd begins with "\["/],
    [['build', 'out:1', '--entrypoint', '[1]'], /--entrypoint begins with "\["/],
    [['build', 'out:1', '--created', 'yesterday'], /RFC 3339/],
    [['build', 'out:1', '--created', '2026-02-30T00:00:00Z'], /RFC 3339/],
    [['build', 'out:1', '--created', '2026-01-01T25:00:00Z'], /RFC 3339/],
    [['build', 'out:1', '--workdir', ''], /--workdir is empty/],
    [['build', 'out:1', '--layer', '-', '--layer', '-'], /stdin has one end/],
    [['build', 'out:1', '--layer', `${layout}:../up`], /can't hold "\.\."/],
    [
      ['build', 'out:1', '--layer', `${join(layout, 'oci-layout')}:/app`],
      /only a folder can have a destination/,
    ],
  ])('%j', async (args, reason) => {
    const { code, stdout, stderr } = await ocidir(args, { cwd: folder })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(reason)
    expect(stderr).not.toMatch(/^ +at /m)
  })

  it('also for a SOURCE_DATE_EPOCH that is no number', async () => {
    const { code, stderr } = await ocidir(['build', 'out:1'], {
      cwd: folder,
      env: { SOURCE_DATE_EPOCH: 'now' },
    })
    expect(code).toBe(2)
    expect(stderr).toMatch(/SOURCE_DATE_EPOCH/)
  })
})

describe('a failure exits 1, with a message and no stack', () => {
  const digest = `sha256:${'0'.repeat(64)}`
  it.each<[string[], RegExp]>([
    [['fsck', 'nowhere'], /there is no folder "nowhere"/],
    [['tags', 'nowhere'], /there is no folder "nowhere"/],
    [['ls', 'oci:nowhere:1'], /there is no folder "nowhere".*\.\/oci/],
    [['fsck', 'oci-archive:nowhere.tar'], /there is no file "nowhere.tar"/],
    [['inspect', join(layout, 'index.json')], /expected an oci-archive, found a JSON document/],
    [['inspect', folder], /is not an OCI image layout/],
    [['inspect', `${layout}:nope`], /no tag "nope"; there are t/],
    [['inspect', `${layout}@${digest}`], /no index of the layout names/],
    [['inspect', layout, '--platform', 'linux/s390x'], /no image for linux\/s390x; there are linux\/amd64/],
    [['tag', `${layout}:nope`, 'x'], /no tag "nope"/],
    [['untag', `${layout}:nope`], /no tag "nope"/],
    [['blob', `${layout}@${digest}`], /the layout has no blob/],
    [['ls', layout, '--layer', '3'], /no layer 3: the image has 3 layers/],
    [['build', 'out:1', '--layer', 'nowhere'], /no file or folder "nowhere"/],
    [['build', 'out:1', '--base', `${layout}:nope`], /no tag "nope"/],
    [['build', 'out:1', '--base', 'nowhere:1'], /there is no folder "nowhere"/],
    [['build', `${folder}:1`], /neither a layout nor empty/],
  ])('%j', async (args, reason) => {
    const { code, stdout, stderr } = await ocidir(args, { cwd: folder })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(reason)
    expect(stderr).not.toMatch(/^ +at /m)
  })

  it('shows the stack when OCIDIR_DEBUG asks for it', async () => {
    const { code, stderr } = await ocidir(['inspect', `${layout}:nope`], { env: { OCIDIR_DEBUG: '1' } })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^ +at /m)
  })

  it('escapes what a terminal would obey in messages', async () => {
    const { code, stderr } = await ocidir(['tags', 'no\u001b]0;title\u0007where\u202e'], { cwd: folder })
    expect(code).toBe(1)
    expect(stderr.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
  })
})

describe('on a terminal', () => {
  // `script` gives the command a terminal of its own.
  const onTerminal = (line: string, env = {}) =>
    shell(`script -qec ${JSON.stringify(line)} /dev/null`, { env: { TERM: 'xterm', ...env } })

  it('fsck is in colour and shows how far it is', () => {
    const { code, stdout } = onTerminal(`$OCIDIR fsck ${layout}`)
    expect(code).toBe(0)
    expect(stdout).toContain('\x1b[32mok\x1b[39m')
    expect(stdout.split('\r\x1b[K').some(text => text.startsWith('checked: '))).toBe(true)
  })

  it('there is no colour under NO_COLOR', () => {
    const { code, stdout } = onTerminal(`$OCIDIR fsck ${layout}`, { NO_COLOR: '1' })
    expect(code).toBe(0)
    expect(stdout).toContain('ok: ')
    expect(stdout.split('\x1b[').some(text => /^\d+m/.test(text))).toBe(false)
  })

  it('elsewhere there is neither colour nor progress', async () => {
    const { stderr, stdout } = await ocidir(['fsck', layout])
    expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  })
})
