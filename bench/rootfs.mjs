// @ts-check
// Tars of real Debian root filesystems, made of packages and kept in .cache/bench: node bench/rootfs.mjs
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL('../.cache/bench', import.meta.url))

const base = [
  ...[
    'base-files',
    'base-passwd',
    'bash',
    'coreutils',
    'dash',
    'debianutils',
    'diffutils',
    'dpkg',
    'e2fsprogs',
  ],
  ...[
    'findutils',
    'grep',
    'gzip',
    'hostname',
    'init-system-helpers',
    'login',
    'mount',
    'ncurses-bin',
    'passwd',
  ],
  ...[
    'perl',
    'sed',
    'sysvinit-utils',
    'tar',
    'util-linux',
    'apt',
    'ca-certificates',
    'curl',
    'git',
    'python3',
  ],
]

/** The packages asked for; apt adds what they need. @type {Readonly<Record<'rootfs' | 'large', readonly string[]>>} */
const packages = {
  rootfs: base,
  large: [...base, 'g++', 'make', 'vim', 'gdb', 'golang-go', 'python3-numpy'],
}

/** @typedef {keyof typeof packages} RootfsName */

/**
 * The path of a tar and what is in it. It is made at the first call, which needs apt and dpkg, but no root.
 * @param {RootfsName} name
 */
export function rootfs(name) {
  const tar = join(cache, `${name}.tar`)
  const notes = join(cache, `${name}.packages`)
  if (!existsSync(tar) || !existsSync(notes)) make(name, { tar, notes })
  return { tar, packages: readFileSync(notes, 'utf8').trim().split('\n') }
}

/**
 * @param {RootfsName} name
 * @param {{ tar: string, notes: string }} files
 */
function make(name, { tar, notes }) {
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(join(cache, 'making-'))
  try {
    console.error(`bench: making ${name}.tar of Debian packages`)
    const debs = download(packages[name], work)
    const root = join(work, 'root')
    for (const deb of debs) run('dpkg-deb', ['-x', join(work, 'debs', deb), root])
    const fixed = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu']
    run('tar', [...fixed, '-C', root, '-cf', `${tar}.part`, '.'])
    writeFileSync(notes, `${debs.map(deb => deb.replace(/\.deb$/, '')).join('\n')}\n`)
    renameSync(`${tar}.part`, tar)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * The packages and all that they need, as for a machine that has none yet.
 * @param {readonly string[]} names
 * @param {string} work
 */
function download(names, work) {
  mkdirSync(join(work, 'debs/partial'), { recursive: true })
  writeFileSync(join(work, 'status'), '')
  const settings = [
    `Dir::State::status=${join(work, 'status')}`,
    `Dir::Cache::archives=${join(work, 'debs')}`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=',
    'Acquire::Retries=3',
  ]
  const options = ['-qq', '-y', '--download-only', '--no-install-recommends']
  run('apt-get', [...options, ...settings.flatMap(setting => ['-o', setting]), 'install', ...names])
  const debs = readdirSync(join(work, 'debs')).filter(file => file.endsWith('.deb'))
  if (debs.length < names.length) throw new Error(`apt-get gave ${debs.length} packages only`)
  return debs.sort()
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
function run(command, args) {
  // What they say goes to stderr: stdout belongs to the tables.
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? `exit ${status}`}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of /** @type {RootfsName[]} */ (Object.keys(packages))) {
    const { tar, packages: inside } = rootfs(name)
    console.log(`${tar}: ${inside.length} packages`)
  }
}
