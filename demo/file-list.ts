/** The file list of the image shown: filtered in the worker, a hundred rows at a time. */

import type { FileRow } from 'ocidir/files'
import type { WorkerClient } from './client.ts'
import { byId, isCancel, make } from './dom.ts'
import { counted, formatBytes } from './format.ts'
import type { FilePage } from './worker/protocol.ts'

const filter = byId('filter', HTMLInputElement)
const count = byId('files-count', HTMLElement)
const body = byId('files', HTMLTableSectionElement)
const more = byId('more-files', HTMLButtonElement)

const pageSize = 100

/** Shows the files of one image after the other. */
export class FileList {
  readonly #client: WorkerClient
  #tag: string | undefined
  #asking: AbortController | undefined

  constructor(client: WorkerClient) {
    this.#client = client
    filter.addEventListener('input', () => this.#show(0))
    more.addEventListener('click', () => this.#show(body.rows.length))
  }

  /** Begins anew with an image. */
  async open(tag: string): Promise<void> {
    this.#tag = tag
    filter.value = ''
    body.replaceChildren()
    more.hidden = true
    count.textContent = 'Reading…'
    await this.#show(0)
  }

  async #show(offset: number): Promise<void> {
    if (this.#tag === undefined) return
    this.#asking?.abort(new DOMException('asked anew', 'AbortError'))
    this.#asking = new AbortController()
    const { signal } = this.#asking
    const request = { tag: this.#tag, filter: filter.value.trim(), offset, limit: pageSize }
    try {
      const page = await this.#client.call('files', request, { signal })
      if (!signal.aborted) this.#render(page, offset)
    } catch (error) {
      if (isCancel(error)) return
      count.textContent = `The files can’t be listed: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  #render({ rows, matching, total }: FilePage, offset: number): void {
    const lines = rows.map(rowOf)
    if (offset === 0) body.replaceChildren(...lines)
    else body.append(...lines)
    const shown = offset + rows.length
    more.hidden = shown >= matching
    const ofAll = matching === total ? '' : ` of ${total.toLocaleString('en')}`
    const part = shown < matching ? `; the first ${shown.toLocaleString('en')} shown` : ''
    count.textContent = `${counted(matching, 'entry', 'entries')}${ofAll}${part}`
  }
}

function rowOf({ path, type, mode, size, linkname }: FileRow): HTMLTableRowElement {
  const isFile = type === 'file'
  const name = type === 'directory' ? `${path}/` : linkname === undefined ? path : `${path} → ${linkname}`
  return make(
    'tr',
    {},
    make('td', {}, name),
    make('td', {}, mode),
    make('td', { class: 'number' }, isFile ? formatBytes(size) : type === 'directory' ? 'folder' : type),
  )
}
