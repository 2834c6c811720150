import { execFile } from 'node:child_process'

/** What a program printed. */
export interface Output {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; one that fails throws all that it said. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Output> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { ...options, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}\n${stderr}`, { cause: error }))
      else resolve({ stdout, stderr })
    })
  })
}

/** Runs a script in Node, and gives what it printed. */
export async function node(cwd: string, ...args: readonly string[]): Promise<string> {
  return (await run(process.execPath, args, { cwd })).stdout
}

/** Runs npm, and gives what it printed. */
export async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  return (await run('npm', args, { cwd })).stdout
}
