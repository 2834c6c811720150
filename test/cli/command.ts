/** The built command as a real child process, and layouts to run it on. */

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

/** What a call came to. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly bytes: Buffer
  readonly stderr: string
}

/** How a call is made. */
export interface CallOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: Uint8Array | string
}

/** The bin entry, as `npm run build` makes it. */
export const bin = fileURLToPath(new URL('../../dist/node/ocidir.js', import.meta.url))
const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url))

/** Starts the command. */
export function start(args: readonly string[], options: CallOptions = {}): ChildProcessWithoutNullStreams {
  if (!existsSync(bin)) throw new Error('the command is not built: run `npm run build` first')
  return spawn(process.execPath, [bin, ...args], { cwd: options.cwd, env: cleanEnv(options.env) })
}

/** Runs the command to its end. */
export async function ocidir(args: readonly string[], options: CallOptions = {}): Promise<Ended> {
  const child = start(args, options)
  // A command that doesn't read stdin may have ended before it is written.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  return ended(child)
}

/** Waits for a started command. */
export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const bytes = Buffer.concat(out)
  return { code, bytes, stdout: bytes.toString(), stderr: Buffer.concat(err).toString() }
}

/** The JSON that a call prints; the call must succeed. */
export async function json(args: readonly string[], options: CallOptions = {}): Promise<unknown> {
  const { code, stdout, stderr } = await ocidir([...args, '--format', 'json'], options)
  if (code !== 0) throw new Error(`exit ${code}: ${stderr}`)
  return JSON.parse(stdout)
}

/** Runs a shell line in which `$OCIDIR` is the command. */
export function shell(line: string, options: CallOptions = {}): Ended {
  const env = { ...cleanEnv(options.env), OCIDIR: `${process.execPath} ${bin}` }
  const { status, stdout, stderr } = spawnSync('bash', ['-c', line], {
    cwd: options.cwd,
    env,
    maxBuffer: 1 << 28,
  })
  return { code: status, bytes: stdout, stdout: stdout.toString(), stderr: stderr.toString() }
}

/** A folder of this test file's own, gone at its end. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ocidir-cli-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Unpacks a fixture and gives its layout's folder. */
export function unpack(name: string, into: string, file = name): string {
  const found = join(into, file)
  const { status, stderr } = spawnSync('bash', [
    '-c',
    'mkdir -p "$1" && tar -xf "$2" -C "$1"',
    'unpack',
    found,
    join(fixtures, name, `${file}.tar`),
  ])
  if (status !== 0) throw new Error(stderr.toString())
  return existsSync(join(found, 'blobs')) ? found : join(found, readdirSync(found)[0] ?? '')
}

/** What an independent tool found in a fixture. */
export function expected<T>(name: string): T {
  return JSON.parse(readFileSync(join(fixtures, name, 'expected.json'), 'utf8'))
}

/** The tars of a folder of fixtures, without their ending. */
export function fixtureNames(name: string): string[] {
  return readdirSync(join(fixtures, name))
    .filter(file => file.endsWith('.tar'))
    .map(file => file.slice(0, -'.tar'.length))
}

function cleanEnv(env: CallOptions['env']): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: tmpdir(), ...env }
}
