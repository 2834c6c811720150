import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { expected, fixtureNames, ocidir, scratch, unpack } from './command.ts'

const folder = scratch()

interface Result {
  readonly ok: boolean
  readonly validated: number
  readonly findings: readonly Record<string, unknown>[]
}

describe('fsck', () => {
  const judged = expected<Record<string, { should: string }>>('corrupt')
  it.each(fixtureNames('corrupt'))('judges %s, by exit code and json', async name => {
    const layout = unpack('corrupt', folder, name)
    const { code, stdout, stderr } = await ocidir(['fsck', layout, '--format', 'json'])
    const result: Result = JSON.parse(stdout)
    const { should = '' } = judged[name] ?? {}
    // An unknown layer type is a warning here, by decision.
    const isBad = should === 'bad' && !result.findings.every(({ severity }) => severity === 'warning')
    expect(stderr).toBe('')
    expect(code).toBe(result.ok ? 0 : 1)
    expect(Object.keys(result)).toEqual(['ok', 'validated', 'findings'])
    for (const finding of result.findings) {
      expect(Object.keys(finding)).toEqual(['severity', 'code', 'digest', 'path', 'message', 'advice'])
      expect(['error', 'warning', 'info']).toContain(finding.severity)
      expect(finding.digest === null || typeof finding.digest === 'string').toBe(true)
    }
    if (should === 'ok') expect(result).toMatchObject({ ok: true })
    if (needsNoUnpacking(name) && isBad) expect(result.ok).toBe(false)
  })

  it('prints findings to stdout and their sum to stderr', async () => {
    const layout = unpack('corrupt', join(folder, 'text'), '03-layer-missing')
    const { code, stdout, stderr } = await ocidir(['fsck', layout])
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^error BLOB_MISSING index\.json\/manifests\/0\/layers\/\d sha256:[0-9a-f]{64}: .+\n {2}help: .+\n$/,
    )
    expect(stderr).toMatch(/^not ok: \d+ blobs? validated \(.+ read\), 1 error, 0 warnings, 0 infos\n$/)
  })

  it('looks into layers with --deep, and says what helps once a code', async () => {
    const layout = unpack('corrupt', join(folder, 'deep'), '27-tar-path-escape')
    expect(await ocidir(['fsck', layout])).toMatchObject({ code: 0, stdout: '' })
    const deep = await ocidir(['fsck', layout, '--deep'])
    expect(deep.code).toBe(1)
    expect(deep.stdout).toMatch(/^error PATH_ESCAPES \S+\/layers\/\d sha256:\S+: .+\n {2}help: .+$/m)
    const { stdout } = await ocidir(['fsck', layout, '--deep', '--format', 'json'])
    const found: Result = JSON.parse(stdout)
    expect(found.findings).toContainEqual(
      expect.objectContaining({
        code: 'PATH_ESCAPES',
        advice: expect.stringContaining('Do not unpack it'),
        entry: expect.stringContaining('..'),
        offset: expect.any(Number),
      }),
    )
  })

  it('prints nothing but the sum for a clean layout', async () => {
    const { code, stdout, stderr } = await ocidir(['fsck', unpack('corrupt', folder, '00-clean')])
    expect([code, stdout]).toEqual([0, ''])
    expect(stderr).toMatch(/^ok: [1-9]\d* blobs validated /)
  })

  it('exits 0 for a warning, and 1 with --strict, where ok is false too', async () => {
    const layout = unpack('corrupt', join(folder, 'strict'), '00-clean')
    writeFileSync(join(layout, 'blobs/sha256', 'f'.repeat(64)), 'not its name')
    const lenient = await ocidir(['fsck', layout, '--format', 'json'])
    const strict = await ocidir(['fsck', layout, '--format', 'json', '--strict'])
    expect([lenient.code, JSON.parse(lenient.stdout).ok]).toEqual([0, true])
    expect([strict.code, JSON.parse(strict.stdout).ok]).toEqual([1, false])
    expect(JSON.parse(strict.stdout).findings).toMatchObject([{ severity: 'warning', code: 'BLOB_MISNAMED' }])
  })

  it('finds that an empty folder is no layout', async () => {
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    const { code, stdout } = await ocidir(['fsck', empty, '--format', 'json'])
    const { findings, ...sum }: Result = JSON.parse(stdout)
    expect([code, sum]).toEqual([1, { ok: false, validated: 0 }])
    expect(findings.map(({ code, digest }) => [code, digest])).toEqual([
      ['LAYOUT_MISSING', null],
      ['INDEX_MISSING', null],
    ])
    expect(readdirSync(empty)).toEqual([])
  })

  it('works where index.json is gone', async () => {
    const layout = unpack('rs-gzip', join(folder, 'headless'))
    rmSync(join(layout, 'index.json'))
    const { code, stdout } = await ocidir(['fsck', layout])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^error INDEX_MISSING/m)
  })

  it('shows hostile names escaped', async () => {
    const layout = unpack('rs-gzip', join(folder, 'hostile'))
    writeFileSync(join(layout, 'evil\u001b[2Jname'), '')
    const { code, stdout } = await ocidir(['fsck', layout])
    expect(code).toBe(0)
    expect(stdout).toContain('evil\\x1b[2Jname')
  })

  it('tells a flipped byte at the end of a layer', async () => {
    const layout = unpack('rs-gzip', join(folder, 'appended'))
    const blobs = join(layout, 'blobs/sha256')
    for (const name of readdirSync(blobs)) appendFileSync(join(blobs, name), 'x')
    const { code, stdout } = await ocidir(['fsck', layout])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^error SIZE_MISMATCH/m)
  })
})

/** Other faults show only in an unpacked layer: `--deep` is tried on them in test/interop. */
function needsNoUnpacking(name: string): boolean {
  return !/^(18|27|28|34)-/.test(name)
}
