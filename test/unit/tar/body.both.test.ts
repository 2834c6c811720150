import { describe, expect, it } from 'vitest'
import { readTar } from '../../../src/tar/index.ts'
import { asText, bytesOf, inChunks, member, readAll, tar } from './samples.ts'

const bytes = tar(member({ name: 'a' }, 'first body'), member({ name: 'b' }, 'second'), member({ name: 'c' }))

describe('the body of an entry', () => {
  it('is skipped where nobody reads it, or not to its end', async () => {
    const found: string[] = []
    for await (const entry of readTar(inChunks(bytes, 3))) {
      if (entry.path === 'a') for await (const chunk of entry.body) if (chunk.length > 0) break
      if (entry.path === 'b') found.push(asText(await bytesOf(entry.body)))
      found.push(entry.path)
    }
    expect(found).toEqual(['a', 'second', 'b', 'c'])
  })

  it('is also a web stream', async () => {
    const found: string[] = []
    for await (const entry of readTar(bytes)) found.push(await new Response(entry.body.stream()).text())
    expect(found).toEqual(['first body', 'second', ''])
  })

  it("passes the source's own memory on, without a copy", async () => {
    const big = tar(member({}, new Uint8Array(100_000).fill(7)))
    for await (const { body } of readTar(big)) {
      for await (const chunk of body) expect(chunk.buffer).toBe(big.buffer)
    }
  })

  it('is read once', async () => {
    for await (const { body, path } of readTar(bytes)) {
      await bytesOf(body)
      await expect(bytesOf(body), path).rejects.toBeInstanceOf(TypeError)
    }
  })

  it('is over once the next entry is asked for', async () => {
    const reader = readTar(inChunks(bytes, 515))
    const first = await reader.next()
    const chunks = first.value?.body[Symbol.asyncIterator]()
    expect((await chunks?.next())?.value).toHaveLength(3)
    expect((await reader.next()).value?.path).toBe('b')
    await expect(chunks?.next()).rejects.toBeInstanceOf(TypeError)
    expect((await reader.next()).value?.path).toBe('c')
  })

  it('is not to be read beside the next entry', async () => {
    const reader = readTar(inChunks(bytes, 512))
    const first = await reader.next()
    const reading = first.value?.body[Symbol.asyncIterator]().next()
    await expect(reader.next()).rejects.toBeInstanceOf(TypeError)
    await reading
  })
})

describe('the source', () => {
  function watched(): { stream: ReadableStream<Uint8Array>; state: { cancelled: boolean } } {
    const state = { cancelled: false }
    const chunks = inChunks(bytes, 512)
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const next = await chunks.next()
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      cancel() {
        state.cancelled = true
      },
    })
    return { stream, state }
  }

  it('is cancelled when the reader stops early', async () => {
    const { stream, state } = watched()
    for await (const entry of readTar(stream)) if (entry.path === 'a') break
    await new Promise(resolve => setTimeout(resolve))
    expect(state.cancelled).toBe(true)
    expect(stream.locked).toBe(false)
  })

  it('ends with the reason of an abort, between entries and in a body that hangs', async () => {
    const reason = new Error('enough')
    for (const inBody of [false, true]) {
      const abort = new AbortController()
      async function* hanging(): AsyncGenerator<Uint8Array> {
        yield bytes.subarray(0, inBody ? 514 : 512)
        await new Promise(() => {})
      }
      const reading = (async () => {
        for await (const entry of readTar(hanging(), { signal: abort.signal })) {
          setTimeout(() => abort.abort(reason))
          if (inBody) await bytesOf(entry.body)
        }
      })()
      await expect(reading).rejects.toBe(reason)
    }
  })

  it('may be a Blob or a string', async () => {
    expect(await readAll(new Blob([new Uint8Array(bytes)]))).toEqual(await readAll(bytes))
    expect(await readAll('')).toEqual([])
  })

  it('passes its own error on', async () => {
    const own = new Error('medium')
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 600)
      throw own
    }
    await expect(readAll(failing())).rejects.toBe(own)
  })
})
