import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { ended, json, ocidir, scratch, shell, start, unpack } from './command.ts'

const cwd = scratch()
const layout = unpack('rs-gzip', cwd)
let big = ''

beforeAll(async () => {
  mkdirSync(join(cwd, 'many'))
  for (let i = 0; i < 4000; i++) writeFileSync(join(cwd, 'many', `file-with-a-long-name-${i}`), '')
  writeFileSync(join(cwd, 'many/large'), randomBytes(1 << 20))
  const built = await json(['build', 'big:1', '--layer', 'many'], { cwd })
  big = (built as { layers: { digest: string }[] }).layers[0]?.digest ?? ''
})

describe('a reader that goes away', () => {
  it.each(['ls big', 'ls big --format json', 'blob big@BIG'])('is no error to %s', command => {
    const { stdout, stderr } = shell(
      `$OCIDIR ${command.replace('BIG', big)} | head -c 10 >/dev/null; echo "\${PIPESTATUS[0]}"`,
      {
        cwd,
      },
    )
    expect([stdout, stderr]).toEqual(['0\n', ''])
  })

  it('does not change what fsck found', () => {
    const broken = unpack('corrupt', cwd, '03-layer-missing')
    const { stdout, stderr } = shell(
      `exec 3>&1; { $OCIDIR fsck ${broken} 2>/dev/null; echo $? >&3; } | sleep 0`,
      { cwd },
    )
    expect([stdout, stderr]).toEqual(['1\n', ''])
  })
})

describe('stdout', () => {
  it('on a full disk is a failure', () => {
    for (const command of [`manifest ${layout}`, `tags ${layout}`, `blob big@${big}`]) {
      const { code, stderr } = shell(`$OCIDIR ${command} >/dev/full`, { cwd })
      expect(code).toBe(1)
      expect(stderr).toMatch(/^ocidir: .*ENOSPC/)
      expect(stderr).not.toMatch(/^ +at /m)
    }
  })

  it('holds data only, byte for byte, also when stderr is closed', () => {
    const { code, bytes } = shell(`$OCIDIR blob big@${big} 2>&-`, { cwd })
    expect(code).toBe(0)
    expect(bytes.equals(readFileSync(join(cwd, 'big/blobs', big.replace(':', '/'))))).toBe(true)
  })
})

describe('an interrupted build', () => {
  const signals: readonly [NodeJS.Signals, number][] = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ]
  it.each(signals)('by %s exits %d and leaves nothing staged and no tag', async (signal, exitCode) => {
    const name = `cut-${signal}`
    await json(['build', `${name}:before`, '--label', 'a=b'], { cwd })
    const index = readFileSync(join(cwd, name, 'index.json'), 'utf8')
    const names = readdirSync(join(cwd, name, 'blobs/sha256')).sort()

    const child = start(['build', `${name}:half`, '--layer', '-'], { cwd })
    const end = ended(child)
    const { stdout: tar } = spawnSync('tar', ['-c', '-C', cwd, 'many'], { maxBuffer: 1 << 28 })
    child.stdin.on('error', () => {})
    // Half a tar, then silence: the command waits for more.
    child.stdin.write(tar.subarray(0, tar.length >> 1))
    await staged(join(cwd, name))
    child.kill(signal)
    const { code, stdout, stderr } = await end

    expect([code, stdout, stderr]).toEqual([exitCode, '', 'ocidir: interrupted\n'])
    expect(stagedIn(join(cwd, name))).toEqual([])
    expect(readFileSync(join(cwd, name, 'index.json'), 'utf8')).toBe(index)
    expect(readdirSync(join(cwd, name, 'blobs/sha256')).sort()).toEqual(names)
    expect((await ocidir(['fsck', name, '--strict'], { cwd })).code).toBe(0)
  })

  it('that waits for its first byte ends too', async () => {
    const child = start(['build', 'waiting:1', '--layer', '-'], { cwd })
    const end = ended(child)
    await until(() => existsSync(join(cwd, 'waiting/index.json')))
    child.kill('SIGINT')
    expect(await end).toMatchObject({ code: 130, stderr: 'ocidir: interrupted\n' })
  })
})

async function staged(layoutPath: string): Promise<void> {
  await until(() => stagedIn(layoutPath).length > 0)
}

async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (isSo()) return
    await delay(20)
  }
  throw new Error('it did not come to that in ten seconds')
}

/** Files, not folders: an empty `.ocidir` is nothing left behind. */
function stagedIn(layoutPath: string): string[] {
  const place = join(layoutPath, '.ocidir')
  if (!existsSync(place)) return []
  const entries = readdirSync(place, { withFileTypes: true, recursive: true })
  return entries.filter(entry => entry.isFile()).map(({ name }) => name)
}
