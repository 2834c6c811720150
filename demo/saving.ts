/** Keeping an image outside of the browser: as a tar of its layout, or as a folder where one can be picked. */

import type { WorkerClient } from './client.ts'
import { announce, byId, isCancel, make } from './dom.ts'
import { hasFolderPicker, pickFolder, pickTarget } from './pickers.ts'
import { isWorking, work } from './work.ts'
import type { ImageSummary } from './worker/protocol.ts'

const tarButton = byId('save-tar', HTMLButtonElement)
const folderButton = byId('save-folder', HTMLButtonElement)

/** The two buttons, for the image on show. */
export class SaveButtons {
  readonly #client: WorkerClient
  #image: ImageSummary | undefined

  constructor(client: WorkerClient, onFault: (error: unknown) => void) {
    this.#client = client
    const run = (save: (image: ImageSummary) => Promise<void>): void => {
      if (this.#image === undefined || isWorking()) return
      onFault(undefined)
      save(this.#image).catch(error => isCancel(error) || onFault(error))
    }
    tarButton.addEventListener('click', () => run(image => this.#saveTar(image)))
    folderButton.addEventListener('click', () => run(image => this.#saveFolder(image)))
    folderButton.hidden = !hasFolderPicker()
  }

  /** From now on this image is saved. */
  open(image: ImageSummary): void {
    this.#image = image
  }

  async #saveTar({ tag }: ImageSummary): Promise<void> {
    const name = `${fileNameOf(tag)}.oci.tar`
    const handle = await pickTarget(name)
    const saved = await work(`Saving ${name}`, async options => ({
      blob: await this.#client.call('saveTar', { tag, handle }, options),
    }))
    if (saved?.blob !== undefined) download(saved.blob, name)
    if (saved !== undefined) announce(`Saved ${name}`)
  }

  async #saveFolder({ tag }: ImageSummary): Promise<void> {
    const handle = await pickFolder('readwrite')
    if (handle === undefined) return
    const saved = await work(`Saving into ${handle.name}`, async options => {
      await this.#client.call('saveFolder', { tag, handle }, options)
      return true
    })
    if (saved) announce(`Saved into ${handle.name}`)
  }
}

/** Tags may hold what file names can't. */
function fileNameOf(tag: string): string {
  return (
    tag
      .replace(/[^\w.+-]+/g, '-')
      .replace(/^[.-]+|[.-]+$/g, '')
      .slice(0, 100) || 'image'
  )
}

function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  make('a', { href: url, download: name }).click()
  // The download holds the bytes on its own by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
