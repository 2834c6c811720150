/** Any engine with a page open. The page asks for its tasks, so a browser has to be started, and not driven. */

import { rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { servePage } from '../setup/served-page.ts'
import type { ToolName } from '../setup/tools.ts'
import { workFolder } from '../setup/work-folder.ts'
import type { deeds } from './page.ts'

/** A browser that can be started, headless, on a profile of its own. */
export interface Engine {
  readonly name: string
  readonly tools: readonly ToolName[]
  /** Opens a page; `profile` is an empty folder, or that of an earlier start. */
  start(url: string, profile: string): Promise<RunningEngine>
}

/** A browser with its page. */
export interface RunningEngine {
  /** Settles with what it said when it ended by itself. */
  readonly ended?: Promise<string>
  /** Kills all of its processes, as the system does: none of them has a last word. */
  kill(): Promise<void>
  close(): Promise<void>
}

type Deeds = typeof deeds

/** The page in a running engine. */
export interface EnginePage {
  /** Has the page do a deed, a few at a time. */
  call<Name extends keyof Deeds>(name: Name, ...args: Parameters<Deeds[Name]>): ReturnType<Deeds[Name]>
  close(): Promise<void>
}

/** Starts an engine on the page of `page.ts`. */
export async function openEngine(engine: Engine): Promise<EnginePage> {
  const tasks = new Tasks()
  const served = await servePage(new URL('./page.ts', import.meta.url), {
    onPost: async (request, response) => {
      if (request.url === '/echo') request.pipe(response)
      else tasks.next((await json(request)) as Result, response)
    },
  })
  const profile = await workFolder('ocidir-engine-')
  let running: RunningEngine | undefined
  const close = async (): Promise<void> => {
    await running?.close()
    await served.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    running = await engine.start(served.origin, profile)
    const failed = running.ended?.then(said => Promise.reject(new Error(`${engine.name} ended: ${said}`)))
    await Promise.race([tasks.ask('engine', []), ...(failed ? [failed] : [])])
  } catch (error) {
    await close()
    throw error
  }
  return { call: (name, ...args) => tasks.ask(name, args) as ReturnType<Deeds[typeof name]>, close }
}

interface Task {
  readonly name: string
  readonly args: readonly unknown[]
  resolve(value: unknown): void
  reject(error: Error): void
}

/** What the page says of a task that it did; nothing the first time. */
interface Result {
  readonly task?: number
  readonly value?: unknown
  readonly fault?: string
}

class Tasks {
  readonly #all: Task[] = []
  readonly #free: ServerResponse[] = []
  #given = 0

  ask(name: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#all.push({ name, args, resolve, reject })
      this.#give()
    })
  }

  /** Takes what the page has done; it waits for another one. */
  next({ task = -1, value, fault }: Result, page: ServerResponse): void {
    if (fault === undefined) this.#all[task]?.resolve(value)
    else this.#all[task]?.reject(new Error(fault))
    this.#free.push(page)
    this.#give()
  }

  #give(): void {
    while (this.#given < this.#all.length) {
      const page = this.#free.shift()
      const task = this.#given
      if (page === undefined) return
      const { name, args } = this.#all[this.#given++] ?? {}
      page.setHeader('content-type', 'application/json').end(JSON.stringify({ task, name, args }))
    }
  }
}
