/// <reference types="vite/client" />
/**
 * The page under a policy, and the service worker beside it: builds the image on each medium and tells what the browser
 * complained of meanwhile. The answer says where to go next, so a browser has to be started, and not driven.
 */

import { createSHA256 } from 'hash-wasm'
import { type Engine, engine } from 'ocidir'
import { opfs } from 'ocidir/fsa'
import { indexedDb } from 'ocidir/indexeddb'
import opfsWorkerUrl from '../../adapters/fsa/worker.ts?worker&url'
import engineWorkerUrl from '../../src/worker.ts?worker&url'
import { buildAndRead, type Hashed, type Outcome } from './image.ts'

/** What the page tells of one policy. */
export interface Told {
  readonly policy: string
  readonly agent: string
  /** By medium: the outcome, or the fault. */
  readonly outcomes: Readonly<Record<string, (Outcome & Hashed) | string>>
  /** What the browser reported while the library was at work. */
  readonly violations: readonly string[]
  /** What it reported of an `eval` after that: else silence would prove nothing. */
  readonly ofEval: readonly string[]
  readonly workers: { readonly started: number; readonly answered: number }
  /** Whether one who hashes by WebAssembly and nothing else gets on. */
  readonly wasmAlone: boolean
}

/** Only the part that the libraries for pages lack. */
interface ServiceWorkerEvent extends MessageEvent {
  waitUntil(work: Promise<unknown>): void
}

const violations: string[] = []
const workers = { started: 0, answered: 0 }
addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) => {
  violations.push(`${effectiveDirective} ${blockedURI}`)
})

if ('ServiceWorkerGlobalScope' in globalThis) {
  addEventListener('message', event => {
    const told = tryBuild(() => opfs('in-service-worker')).then(outcome =>
      (event as MessageEvent).ports[0]?.postMessage({ outcome, violations }),
    )
    ;(event as ServiceWorkerEvent).waitUntil(told)
  })
} else {
  countWorkers()
  run().catch(console.error)
}

async function run(): Promise<void> {
  const policy = location.pathname.split('/')[1] ?? ''
  const start = policy === 'host' ? workersOfTheHost() : undefined
  const own = start && engine({ worker: () => start(engineWorkerUrl) })
  const worker = start && (() => start(opfsWorkerUrl))
  const outcomes: Record<string, (Outcome & Hashed) | string> = {
    OPFS: await tryBuild(() => opfs(`under-${policy}`, { worker }), own),
    IndexedDB: await tryBuild(() => indexedDb(`under-${policy}`), own),
  }
  if (policy === 'strict' && 'serviceWorker' in navigator) {
    outcomes['OPFS in a service worker'] = await inServiceWorker()
  }
  // Reports come as tasks of their own.
  await rest(100)
  const told = [...violations]
  violations.length = 0
  tryEval()
  for (let i = 0; i < 50 && violations.length === 0; i++) await rest(100)
  const body: Told = {
    policy,
    agent: navigator.userAgent,
    outcomes,
    violations: told,
    ofEval: violations,
    workers,
    wasmAlone: await createSHA256().then(
      () => true,
      () => false,
    ),
  }
  const answer = await fetch('/told', { method: 'POST', body: JSON.stringify(body) })
  const { next } = await answer.json()
  if (next !== null) location.replace(next)
}

async function tryBuild(
  open: () => ReturnType<typeof opfs>,
  own?: Engine,
): Promise<(Outcome & Hashed) | string> {
  try {
    const storage = await open()
    return await buildAndRead(storage, own)
  } catch (error) {
    return error instanceof Error ? `${error} ${error.stack} by ${String(error.cause)}` : String(error)
  }
}

async function inServiceWorker(): Promise<(Outcome & Hashed) | string> {
  try {
    await navigator.serviceWorker.register('./page.js', { type: 'module' })
    const { active } = await navigator.serviceWorker.ready
    const { port1, port2 } = new MessageChannel()
    const answered = new Promise<MessageEvent>(resolve => {
      port1.onmessage = resolve
    })
    active?.postMessage('build', [port2])
    const { data } = await answered
    violations.push(...data.violations.map((text: string) => `in the service worker: ${text}`))
    return data.outcome
  } catch (error) {
    return String(error)
  }
}

/** As a host does it that has trusted types: a policy of its own for the two scripts. */
function workersOfTheHost(): (url: string) => Worker {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes
  const policy = types?.createPolicy('host', {
    createScriptURL(url) {
      if (url === opfsWorkerUrl || url === engineWorkerUrl) return url
      throw new TypeError('another script')
    },
  })
  return url => new Worker((policy?.createScriptURL(url) ?? url) as string, { type: 'module' })
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): unknown }
}

/** Counts the workers that anybody starts, and those that answer. */
function countWorkers(): void {
  globalThis.Worker = class extends Worker {
    constructor(url: string | URL, options?: WorkerOptions) {
      workers.started++
      super(url, options)
      this.addEventListener('message', () => workers.answered++, { once: true })
    }
  }
}

function tryEval(): void {
  try {
    new Function('return 1')()
  } catch {
    // That is the policy's doing.
  }
}

function rest(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}
