/** P21: what the library stands on: few packages, exact, free, without scripts, and each behind the entry that needs it. */

import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { createCRC32, createSHA256, createSHA512, createXXHash64 } from 'hash-wasm'
import { expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { carried, carriedText } from '../../scripts/wasm.mjs'
import { bundleOf, core, parts } from './bundle.ts'
import { npm } from './run.ts'
import { top } from './sources.ts'

interface Locked {
  readonly version: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly dev?: boolean
}

const runtime: Readonly<Record<string, string>> = manifest.dependencies

/** The packages of the lock file by their places, without our own. */
async function locked(): Promise<ReadonlyMap<string, Locked>> {
  const { packages } = JSON.parse(await readFile(join(top, 'package-lock.json'), 'utf8'))
  return new Map(Object.entries<Locked>(packages).filter(([place]) => place !== ''))
}

it('P21: no package runs a script when it is installed, and none would be let', async () => {
  const packages = await locked()
  expect(packages.size).toBeGreaterThan(100)
  expect([...packages].filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([])
  // So `npm ci` of a bare clone, as in each run of CI, is `npm ci --ignore-scripts`.
  expect(await readFile(join(top, '.npmrc'), 'utf8')).toMatch(/^ignore-scripts=true$/m)
})

it('P21: every package is one version, known by its SHA-512', async () => {
  const packages = await locked()
  const own = { ...runtime, ...manifest.devDependencies }
  for (const [name, version] of Object.entries(own)) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+$/)
    expect(packages.get(`node_modules/${name}`)?.version, name).toBe(version)
  }
  const unknown = [...packages].filter(([, { integrity }]) => !/^sha512-[\w+/]{86}==$/.test(integrity ?? ''))
  expect(unknown.map(([place]) => place)).toEqual([])
})

it('P21: a user gets four packages, free ones, which bring no others', async () => {
  const packages = await locked()
  const shipped = [...packages].filter(([, { dev }]) => !dev).map(([place]) => place)
  expect(shipped.sort()).toEqual(Object.keys(runtime).map(name => `node_modules/${name}`))
  expect(shipped).toHaveLength(4)
  for (const name of Object.keys(runtime)) {
    const own = JSON.parse(await readFile(join(top, 'node_modules', name, 'package.json'), 'utf8'))
    expect(own.license, name).toMatch(/^(MIT|ISC|BSD-[23]-Clause|Apache-2\.0)$/)
    expect(Object.keys(own.dependencies ?? {}), name).toEqual([])
    expect(Object.keys(own.scripts ?? {}).filter(script => /^(pre|post)?install$/.test(script))).toEqual([])
  }
})

it('P21: the core stands on the two that hash, and every other package behind its own entry', async () => {
  const hashes = ['@noble/hashes', 'hash-wasm']
  expect(await packagesIn([core, `export * from 'ocidir'`])).toEqual(hashes)
  const more = { gzip: ['fflate'], indexeddb: ['idb-keyval'] }
  for (const [name, part] of Object.entries(parts)) {
    const expected = [...hashes, ...(more[name as keyof typeof more] ?? [])]
    expect(await packagesIn([core, part]), name).toEqual(expected.sort())
  }
})

it('P20: no code of a page makes code of text, or a worker or markup of it', async () => {
  const forbidden =
    /\beval\(|\bFunction\(|createObjectURL|importScripts|innerHTML|outerHTML|insertAdjacent|document\.|\bimport\((?![`'"]\.\/)/
  const { code } = await bundleOf([core, `export * from 'ocidir'`, ...Object.values(parts)])
  expect(code.length).toBeGreaterThan(100_000)
  expect(forbidden.exec(code)?.[0]).toBeUndefined()
  expect(forbidden.test('x=new Function("return 1")')).toBe(true)
  // A chunk of its own is code that is there.
  expect(forbidden.test('import(`./zlib.js`)')).toBe(false)
  expect(forbidden.test('import(name)')).toBe(true)
})

it('P21: the WebAssembly that runs is the one that was looked at', async () => {
  const compiled: Uint8Array[] = []
  const { compile } = WebAssembly
  WebAssembly.compile = bytes => {
    compiled.push(new Uint8Array(bytes as ArrayBuffer))
    return compile(bytes)
  }
  try {
    for (const create of [createSHA256, createSHA512, createCRC32, createXXHash64]) await create()
  } finally {
    WebAssembly.compile = compile
  }
  const digests = compiled.map(bytes => createHash('sha256').update(bytes).digest('hex'))
  expect(digests).toEqual(wasmDigests)
})

it('P21: the modules that the package carries are the ones that were looked at, and their licences come along', async () => {
  const notices = await readFile(join(top, 'THIRD-PARTY.md'), 'utf8')
  const tools = manifest.devDependencies as Readonly<Record<string, string>>
  for (const [source, { file, sha256, optimized }] of Object.entries(carried)) {
    const text = await carriedText(source as keyof typeof carried)
    const bytes = inflateRawSync(Buffer.from(/'([^']+)'/.exec(text)?.[1] ?? '', 'base64'))
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(optimized)
    const [, name = ''] = /^((?:@[^/]+\/)?[^/]+)/.exec(file) ?? []
    expect(notices).toMatch(
      new RegExp(`\\| ${name} ${tools[name]} +\\|.*\`${sha256}\` +\\| \`${optimized}\``),
    )
  }
  expect(notices).toContain(`Binaryen ${tools.binaryen}`)
  expect(Object.keys(carried)).toHaveLength(2)
})

/** SHA-256 of hash-wasm 4.13.0's modules for SHA-256, SHA-512, CRC-32 and XXH64. */
const wasmDigests: readonly string[] = [
  '7ad88dae37c322722a047435058ffc5e4f3315762c7114dfa740e5db6b474c87',
  '74192e46a85fdbfb223f98c6701c492078bae21ea90d0fff5c803aaac9087b5d',
  'c10bd664ec545cbcf1d3ab8b6704ecf6fd728e1d72630fc74e80427ed70e9d55',
  'cc25949e4fac6012af148d18f968d523a49dedba4d77af0b1f2a8a4c3e6925a6',
]

it('P21: the bill of materials names what a user gets, with its hashes', async () => {
  const packages = await locked()
  const home = await mkdtemp(join(tmpdir(), 'ocidir-sbom-'))
  try {
    // `--omit dev` isn't enough: npm 11 leaves out fflate then, since a tool of ours stands on it, too.
    const root = { name: manifest.name, version: manifest.version, dependencies: runtime }
    const shipped = Object.keys(runtime).map(name => [
      `node_modules/${name}`,
      packages.get(`node_modules/${name}`),
    ])
    const lock = { ...root, lockfileVersion: 3, packages: { '': root, ...Object.fromEntries(shipped) } }
    await writeFile(join(home, 'package.json'), JSON.stringify(root))
    await writeFile(join(home, 'package-lock.json'), JSON.stringify(lock))
    const text = await npm(home, 'sbom', '--sbom-format', 'cyclonedx', '--package-lock-only')
    const { components } = JSON.parse(text) as { components: Component[] }
    expect(components.map(({ name, version }) => [name, version])).toEqual(Object.entries(runtime))
    for (const { name, hashes } of components) {
      const { integrity = '' } = packages.get(`node_modules/${name}`) ?? {}
      const content = Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')
      expect(hashes, name).toEqual([{ alg: 'SHA-512', content }])
    }
  } finally {
    await rm(home, { recursive: true })
  }
})

interface Component {
  readonly name: string
  readonly version: string
  readonly hashes: readonly object[]
}

// Of what is developed with, too: it makes what a user gets.
it('P21: npm knows of no weakness in any package (left out where the registry has no audit)', async ({
  skip,
}) => {
  const args = ['audit', '--json', '--fetch-retries=0', '--fetch-timeout=10000']
  const told = await npm(top, ...args).catch((error: Error) => error.message)
  const { vulnerabilities, message } = answerIn(told)
  if (vulnerabilities === undefined) skip(`the registry has no audit here: ${message ?? told}`)
  expect(vulnerabilities).toEqual({})
})

it('P21: takes a weakness for one, and no answer for none', () => {
  const said = 'npm failed\n{"vulnerabilities":{"left":{"severity":"low"}}}'
  expect(answerIn(said).vulnerabilities).toEqual({ left: { severity: 'low' } })
  expect(answerIn('{"vulnerabilities":{}}').vulnerabilities).toEqual({})
  expect(answerIn('{"message":"405"}')).toEqual({ message: '405' })
  expect(answerIn('no network')).toEqual({})
})

/** What npm said as JSON; it is in the message of an error where there are weaknesses, or no answer. */
function answerIn(told: string): { readonly vulnerabilities?: object; readonly message?: string } {
  return JSON.parse(/\{[\s\S]*\}/.exec(told)?.[0] ?? '{}')
}

async function packagesIn(imports: readonly string[]): Promise<readonly string[]> {
  const { modules } = await bundleOf(imports)
  const names = modules.map(path => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1])
  return [...new Set(names)].filter(name => name !== undefined).sort()
}
