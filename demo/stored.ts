/** The images that this browser holds. */

import type { WorkerClient } from './client.ts'
import { announce, byId, make, showFault } from './dom.ts'
import { isWorking } from './work.ts'
import type { ImageSummary, StoredImage } from './worker/protocol.ts'

const title = byId('stored-title', HTMLElement)
const text = byId('stored-text', HTMLElement)
const list = byId('stored', HTMLUListElement)
const fault = byId('stored-error', HTMLElement)

/** What the page does with a stored image. */
export interface StoredEvents {
  onOpen(image: ImageSummary): Promise<void>
  onRemoved(tag: string): void
}

/** The list, with a way to show and to remove each. */
export class StoredView {
  readonly #client: WorkerClient
  readonly #events: StoredEvents

  constructor(client: WorkerClient, events: StoredEvents) {
    this.#client = client
    this.#events = events
  }

  /** Reads the list anew. What goes wrong is shown in its place. */
  async refresh(): Promise<void> {
    try {
      this.#render(await this.#client.call('images', undefined))
      showFault(fault, undefined)
    } catch (error) {
      text.textContent = ''
      showFault(fault, error)
    }
  }

  #render(images: readonly StoredImage[]): void {
    text.textContent = images.length === 0 ? 'None yet.' : ''
    text.hidden = images.length > 0
    list.replaceChildren(...images.map(image => this.#line(image)))
  }

  #line({ tag, digest, detail }: StoredImage): HTMLLIElement {
    const show = make('button', { type: 'button', 'aria-label': `Show ${tag}` }, 'Show')
    const remove = make('button', { type: 'button', 'aria-label': `Remove ${tag}` }, 'Remove')
    show.addEventListener('click', () => this.#try(() => this.#open(tag)))
    remove.addEventListener('click', () => this.#try(() => this.#remove(tag)))
    const name = make('span', { class: 'name' }, tag, detail === '' ? '' : ` (${detail})`)
    const code = make('code', { class: 'digest', title: digest }, digest)
    return make('li', {}, make('div', {}, name, code), make('span', { class: 'actions' }, show, remove))
  }

  async #open(tag: string): Promise<void> {
    await this.#events.onOpen(await this.#client.call('open', { tag }))
  }

  async #remove(tag: string): Promise<void> {
    await this.#client.call('remove', { tag })
    this.#events.onRemoved(tag)
    await this.refresh()
    announce(`Removed ${tag}`)
    // The button that had the focus is gone.
    title.focus()
  }

  async #try(action: () => Promise<void>): Promise<void> {
    if (isWorking()) return
    showFault(fault, undefined)
    try {
      await action()
    } catch (error) {
      showFault(fault, error)
    }
  }
}
