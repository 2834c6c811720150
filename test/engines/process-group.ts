/** A browser is many processes: those of one group, ended together. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'

/** Starts a command in a process group of its own, which ends with this process at the latest. */
export async function startGroup(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<ChildProcess> {
  const child = spawn(command, args, { ...options, detached: true })
  await once(child, 'spawn')
  if (!process.listeners('exit').includes(killRunning)) process.once('exit', killRunning)
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

const running = new Set<ChildProcess>()

/** Also when the run is cut: nobody else ends the groups. */
function killRunning(): void {
  for (const { pid } of running) if (pid !== undefined) signalled(-pid, 'SIGKILL')
}

/** Asks a group to end, and ends what is left of it after five seconds. */
export async function endGroup({ pid }: Pick<ChildProcess, 'pid'>): Promise<void> {
  if (pid === undefined) return
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) await gone(pid, signal)
}

/** Kills a group at once, and resolves when none of it is left. */
export async function killGroup({ pid }: Pick<ChildProcess, 'pid'>): Promise<void> {
  if (pid === undefined) throw new Error('there is no process to kill')
  await gone(pid, 'SIGKILL')
  if (signalled(-pid, 0)) throw new Error(`processes of group ${pid} outlived SIGKILL`)
}

async function gone(pid: number, signal: NodeJS.Signals): Promise<void> {
  for (let tries = 0; tries < 100 && signalled(-pid, tries === 0 ? signal : 0); tries++) await wait(50)
}

/** Whether there was a process to take the signal. */
function signalled(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}
