/** The page of a browser that will be killed: asks what to do, looks at what is there, and writes to the end. */

import { isLossTold, look, lookStraight } from './kill-check.ts'
import { type KillMedium, media, type Orders, type Report, straightWays, type Told } from './kill-media.ts'
import { writeAll } from './kill-write.ts'

const nothing: Told = { blobs: [], tags: [] }

if (typeof window === 'undefined') {
  globalThis.onmessage = ({ data }: MessageEvent<number>) => writeAll(data, { inWorker: true })
} else {
  obey().catch(error => post('/told', [{ fault: `${error?.stack ?? error}` }]))
}

async function obey(): Promise<void> {
  const { round, told, isLast } = (await (await post('/orders', {})).json()) as Orders
  await post('/report', await reportOf(told, { isLast }))
  if (isLast) return
  new Worker('/page.js', { type: 'module' }).postMessage(round)
  await writeAll(round, { inWorker: false })
}

async function reportOf(told: Orders['told'], { isLast }: { readonly isLast: boolean }): Promise<Report> {
  const found = await each(media, (medium: KillMedium, name) => look(medium, told[name] ?? nothing))
  const straight = await each(straightWays, (_, way) => lookStraight(way))
  return { found, straight, isLossTold: isLast ? await isLossTold() : undefined }
}

async function each<Name extends string, From, To>(
  all: Readonly<Record<Name, From>>,
  deed: (one: From, name: Name) => Promise<To>,
): Promise<Record<Name, To>> {
  const done = Object.entries<From>(all).map(async ([name, one]) => [name, await deed(one, name as Name)])
  return Object.fromEntries(await Promise.all(done))
}

function post(path: string, body: object): Promise<Response> {
  return fetch(path, { method: 'POST', body: JSON.stringify(body) })
}
