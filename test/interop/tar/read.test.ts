import { execFileSync } from 'node:child_process'
import { link, mkdir, mkdtemp, open, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../../setup/tools.ts'
import { buildGo, gnuTar, ours, python, type Row, rowsIn } from './judges.ts'

describeWith(['tar', 'python3', 'go'], 'tars of other programs', () => {
  let work = ''
  let go: Awaited<ReturnType<typeof buildGo>>
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'ocidir-tar-'))
    go = await buildGo(work)
    await makeFolder(join(work, 'folder'))
  })
  afterAll(() => rm(work, { recursive: true, force: true }))

  const decoded = (rows: readonly Row[]): string[] =>
    rows.map(({ path }) => Buffer.from(path, 'base64').toString('latin1'))

  it.each(['gnu', 'pax', 'ustar', 'v7', 'oldgnu'])(
    'reads the %s format of GNU tar as Python and Go do',
    async format => {
      const path = join(work, `gnu-${format}.tar`)
      const short = format === 'v7' || format === 'ustar' ? ['--exclude=long*', '--exclude=*pipe'] : []
      const shorter = format === 'v7' ? ['--exclude=nnn*'] : []
      await gnuTar(
        '-C',
        join(work, 'folder'),
        `--format=${format}`,
        '--sort=name',
        ...short,
        ...shorter,
        '-cf',
        path,
        '.',
      )
      const rows = await ours(path)
      expect(rows.length).toBeGreaterThan(8)
      expect(decoded(rows)).toContain('./caf\xe9')
      expect(rows).toEqual(rowsIn(await go('list', path)))
      expect(rows).toEqual(rowsIn(await python('list', path)))
    },
  )

  it.each([
    ['gnu', ['--format=gnu']],
    ['oldgnu', ['--format=oldgnu']],
    ['pax 0.0', ['--format=pax', '--sparse-version=0.0']],
    ['pax 0.1', ['--format=pax', '--sparse-version=0.1']],
    ['pax 1.0', ['--format=pax', '--sparse-version=1.0']],
  ])('expands sparse files of %s as Python and Go do', async (_, format) => {
    const path = join(work, 'sparse.tar')
    const names = ['./holes', './many-holes', './only-a-hole', './plain']
    await gnuTar('-C', join(work, 'folder'), ...format, '--sparse', '-cf', path, ...names)
    const rows = await ours(path)
    expect(rows.map(({ size }) => size)).toEqual([5_000_004, 4_000_000, 1_000_000, 5])
    expect(rows).toEqual(rowsIn(await go('list', path)))
    expect(rows).toEqual(rowsIn(await python('list', path)))
  })

  it('reads attributes of pax, global ones and own ones, as Python does', async () => {
    const path = join(work, 'options.tar')
    const options = 'SCHILY.xattr.user.own:=value,SCHILY.xattr.user.all=everywhere,uid:=123456789'
    await gnuTar(
      '-C',
      join(work, 'folder'),
      '--format=pax',
      `--pax-option=${options}`,
      '-cf',
      path,
      './plain',
    )
    const rows = await ours(path)
    expect(rows[0]).toMatchObject({ uid: 123_456_789 })
    expect(Object.keys(rows[0]?.xattrs ?? {}).sort()).toEqual(['user.all', 'user.own'])
    expect(rows).toEqual(rowsIn(await python('list', path)))
  })

  it.each(['ustar', 'gnu', 'pax'])(
    'reads the %s format of Python as Python itself does, and Go',
    async format => {
      const path = join(work, `python-${format}.tar`)
      await python('make', path, format)
      const rows = await ours(path)
      expect(rows).toHaveLength({ ustar: 12, gnu: 18, pax: 26 }[format] ?? 0)
      expect(rows).toEqual(rowsIn(await python('list', path)))
      // Global records are applied by us and by Python, as POSIX has it, and by Go not.
      const judged = rowsIn(await go('list', path))
      expect(rows.map(({ uname, ...rest }) => rest)).toEqual(judged.map(({ uname, ...rest }) => rest))
    },
  )

  it('reads what Go writes as Go itself does', async () => {
    const path = join(work, 'go.tar')
    await go('make', path)
    const rows = await ours(path)
    expect(rows).toHaveLength(8)
    expect(rows).toEqual(rowsIn(await go('list', path)))
  })
})

async function makeFolder(path: string): Promise<void> {
  await mkdir(join(path, 'dir'), { recursive: true })
  await writeFile(join(path, 'plain'), 'hello', { mode: 0o755 })
  await link(join(path, 'plain'), join(path, 'zz-hard'))
  await symlink('../plain', join(path, 'dir/sym'))
  await symlink(Buffer.from('t\xe9', 'latin1'), join(path, 'odd-sym'))
  await writeFile(Buffer.concat([Buffer.from(`${path}/`), Buffer.from('caf\xe9', 'latin1')]), 'latin1')
  await writeFile(join(path, 'ü ö\n"'), 'utf-8')
  await writeFile(join(path, `long-${'n'.repeat(200)}`), 'long')
  await symlink('t/'.repeat(150), join(path, 'long-sym'))
  await writeFile(join(path, 'prefix'), '')
  await mkdir(join(path, 'p'.repeat(90)))
  await writeFile(join(path, 'p'.repeat(90), 'n'.repeat(60)), 'prefix')
  await utimes(join(path, 'prefix'), 1_600_000_000.5, 1_600_000_000.5)
  execFileSync('mkfifo', [join(path, 'a-pipe')])
  await makeSparse(join(path, 'holes'), { size: 5_000_004, every: 2_500_000 })
  await makeSparse(join(path, 'many-holes'), { size: 4_000_000, every: 40_000 })
  await makeSparse(join(path, 'only-a-hole'), { size: 1_000_000, every: Number.POSITIVE_INFINITY })
}

async function makeSparse(path: string, { size, every }: { size: number; every: number }): Promise<void> {
  const file = await open(path, 'w')
  await file.truncate(size)
  for (let at = every; at < size; at += every) await file.write(Buffer.from('data'), 0, 4, at)
  await file.close()
}
