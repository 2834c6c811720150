import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { folder } from '../../adapters/node/index.ts'
import { Tally } from '../setup/tally.ts'
import { doEverything, obliging } from './urls.ts'

let server: Server
let work = ''
let requests = 0

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'ocidir-urls-'))
  server = createServer((_, response) => {
    requests++
    response.end('somebody asked')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
})

afterAll(async () => {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
  await rm(work, { recursive: true, force: true })
})

// Whatever asks in Node (fetch, http, https, http2, net) opens a socket.
it('P13: on disk no verb opens a connection, though somebody listens there', async () => {
  const tally = new Tally('P13: verbs over descriptors with urls, on disk')
  const loser = new Tally('P13: a reader that fetches what is missing, on disk (broken on purpose)')
  const connecting = vi.spyOn(Socket.prototype, 'connect')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const url = `http://127.0.0.1:${address.port}`
  let places = 0
  const place = async () => folder(join(work, `place-${places++}`), { durability: 'relaxed' })
  const { otherwise, ...counts } = await doEverything(url, place)
  Object.assign(tally, counts)
  tally.losses = connecting.mock.calls.length + requests
  loser.attempts = loser.fired = 1
  await obliging(url, place)
  loser.losses = Math.min(connecting.mock.calls.length, requests)
  connecting.mockRestore()
  expect(otherwise).toEqual([])
  expect(tally.report()).toMatchObject({ attempts: 22, fired: 22, losses: 0 })
  expect(loser.report().losses).toBe(1)
})
