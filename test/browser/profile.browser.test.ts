/** The browser under test keeps what is stored: the ground under every test of OPFS. */

import { expect, inject, it } from 'vitest'
import { commands } from 'vitest/browser'

const [action, token] = inject('profileProbe').split(':')

it('runs on a profile on disk, not off the record', async () => {
  expect(await commands.persistence()).toBe(true)
})

// `test/house/profile.test.ts` runs this file twice on one profile: `write:TOKEN`, then `read:TOKEN`.
it('keeps OPFS for the next page', async () => {
  const root = await navigator.storage.getDirectory()
  if (action !== 'read') await write(root, token ?? 'here')
  expect(await read(root)).toBe(token ?? 'here')
})

async function write(root: FileSystemDirectoryHandle, text: string): Promise<void> {
  const handle = await root.getFileHandle('profile-probe', { create: true })
  const stream = await handle.createWritable()
  await stream.write(text)
  await stream.close()
}

async function read(root: FileSystemDirectoryHandle): Promise<string> {
  const handle = await root.getFileHandle('profile-probe')
  return (await handle.getFile()).text()
}
