/** Compiles small sources as if they stood in one of the project's rooms, and says what the compiler refuses. */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { top } from '../house/sources.ts'

/** The TypeScript projects, by their file: `tsconfig.NAME.json`. */
export type ProjectName = 'core' | 'node' | 'worker'

/** What the compiler says of each source: its error codes and texts, none for a source that compiles. */
export async function compile(
  project: ProjectName,
  sources: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, readonly string[]>>> {
  await mkdir(join(top, '.cache'), { recursive: true })
  const folder = await mkdtemp(join(top, '.cache/compile-'))
  try {
    const files = Object.keys(sources).map((_, i) => `${i}.ts`)
    for (const [i, text] of Object.values(sources).entries())
      await writeFile(join(folder, `${i}.ts`), `${text}\nexport {}\n`)
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config(project, files)))
    const errors = await runCompiler(folder)
    return Object.fromEntries(Object.keys(sources).map((name, i) => [name, errorsOf(errors, `${i}.ts`)]))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

// The project's own options, on these files alone; nothing is written.
function config(project: ProjectName, files: readonly string[]): object {
  return {
    extends: `../../tsconfig.${project}.json`,
    compilerOptions: {
      rootDir: '../..',
      composite: false,
      declaration: false,
      isolatedDeclarations: false,
      emitDeclarationOnly: false,
      noEmit: true,
      tsBuildInfoFile: null,
    },
    include: [],
    references: [],
    files,
  }
}

function runCompiler(folder: string): Promise<string> {
  const args = [join(top, 'node_modules/typescript/bin/tsc'), '-p', '.', '--pretty', 'false']
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error)
      else if (stderr !== '') reject(new Error(stderr))
      else resolve(stdout)
    })
  })
}

function errorsOf(output: string, file: string): readonly string[] {
  const own = output.split('\n').filter(line => line.startsWith(`${file}(`))
  return own.map(line => line.replace(/^.*?: error /, ''))
}
