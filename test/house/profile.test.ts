/** vitest drops the persistent profile silently when files run in parallel: our storage tests would prove nothing. */

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../setup/tools.ts'

const top = fileURLToPath(new URL('../../', import.meta.url))
const probe = 'test/browser/profile.browser.test.ts'

describeWith(['chromium'], 'the browser profile of the tests', () => {
  let work = ''
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'ocidir-profile-test-'))
  })
  afterAll(() => rm(work, { recursive: true, force: true, maxRetries: 5 }))

  it('keeps OPFS when the browser is started again', { timeout: 120_000 }, async () => {
    const profile = join(work, 'kept')
    const token = randomUUID()
    expect(await run({ profile, action: `write:${token}` })).toMatchObject({
      sum: '2 passed, 0 failed',
      status: 0,
    })
    expect(await run({ profile, action: `read:${token}` })).toMatchObject({
      sum: '2 passed, 0 failed',
      status: 0,
    })
  })

  it('would be missed, were files to run in parallel', { timeout: 120_000 }, async () => {
    const profile = join(work, 'dropped')
    const files = [probe, 'test/unit/core/digest.both.test.ts']
    const env = { OCIDIR_TEST_PARALLEL: 'true' }
    const parallel = await run({ profile, action: `write:${randomUUID()}`, files, env })
    expect(parallel.output).toContain('persistentContext option is ignored')
    // One is the test of the profile, one is vitest's warning, which the reporter takes for a failure.
    expect(parallel.sum).toMatch(/^\d+ passed, 2 failed$/)
    expect(parallel.status).toBe(1)
  })

  async function run({ profile, action, files = [probe], env = {} }: Plan): Promise<Run> {
    const { OCIDIR_COUNTS: _, VITEST: __, ...inherited } = process.env
    const args = [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project',
      'chromium',
      '--maxWorkers=2',
      ...files,
    ]
    const child = spawn(process.execPath, args, {
      cwd: top,
      env: { ...inherited, ...env, OCIDIR_TEST_PROFILE: profile, OCIDIR_PROFILE_PROBE: action },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject).on('close', resolve)
    })
    return { status, output, sum: output.trimEnd().split('\n').at(-1) }
  }
})

interface Plan {
  readonly profile: string
  readonly action: string
  readonly files?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

interface Run {
  readonly status: number | null
  readonly output: string
  readonly sum: string | undefined
}
