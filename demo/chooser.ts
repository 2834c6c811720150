/** The files for the image: chosen by a picker or an input, or dropped. */

import type { Choice } from './choice.ts'
import type { WorkerClient } from './client.ts'
import { byId, isCancel } from './dom.ts'
import { choiceOfDrop, choiceOfHandles } from './drop.ts'
import { counted, formatBytes } from './format.ts'
import { hasFolderPicker, pickFolder } from './pickers.ts'
import type { Source } from './worker/protocol.ts'

const dropButton = byId('drop', HTMLButtonElement)
const tarButton = byId('choose-tar', HTMLButtonElement)
const folderInput = byId('folder-input', HTMLInputElement)
const tarInput = byId('tar-input', HTMLInputElement)
const chosen = byId('chosen', HTMLElement)

/** Files that go to the worker in one message: a message is copied on this thread, and a page must stay smooth. */
const batchSize = 500

/** The drop zone and its buttons. */
export class Chooser {
  #choice: Choice | undefined

  constructor(onFault: (error: unknown) => void) {
    const take = (choosing: Promise<Choice | undefined>): void => {
      onFault(undefined)
      choosing.then(choice => choice && this.#take(choice)).catch(error => isCancel(error) || onFault(error))
    }
    dropButton.addEventListener('click', () => {
      if (hasFolderPicker()) take(choiceOfPicker())
      else folderInput.click()
    })
    tarButton.addEventListener('click', () => tarInput.click())
    folderInput.addEventListener('change', () => take(choiceOfFolder(folderInput)))
    tarInput.addEventListener('change', () => take(choiceOfTar(tarInput)))
    acceptDrops(data => take(choiceOfDrop(data)))
  }

  /** What was chosen last. */
  get choice(): Choice | undefined {
    return this.#choice
  }

  #take(choice: Choice): void {
    this.#choice = choice
    chosen.textContent = describe(choice)
  }
}

/** Hands a choice to the worker: handles and tars as they are, files in batches. */
export async function sendChoice(client: WorkerClient, choice: Choice, signal: AbortSignal): Promise<Source> {
  if (choice.kind === 'handles') return { kind: 'handles', handles: choice.handles }
  if (choice.kind === 'tar') return { kind: 'tar', file: choice.file }
  for (let start = 0; start === 0 || start < choice.files.length; start += batchSize) {
    const files = choice.files.slice(start, start + batchSize)
    await client.call('take', { files, isFirst: start === 0 }, { signal })
  }
  return { kind: 'taken' }
}

async function choiceOfPicker(): Promise<Choice | undefined> {
  const handle = await pickFolder('read')
  return handle && choiceOfHandles([handle])
}

async function choiceOfFolder(input: HTMLInputElement): Promise<Choice | undefined> {
  const all = [...(input.files ?? [])]
  // The same folder can be chosen again, say after a change.
  input.value = ''
  const [first] = all
  if (first === undefined) throw new Error('The folder holds no files, or the browser gave none')
  const name = first.webkitRelativePath.split('/')[0] ?? ''
  const files = all.map(file => ({ path: file.webkitRelativePath.slice(name.length + 1) || file.name, file }))
  return { kind: 'files', name, files }
}

async function choiceOfTar(input: HTMLInputElement): Promise<Choice | undefined> {
  const file = input.files?.[0]
  input.value = ''
  return file && { kind: 'tar', name: file.name, file }
}

/** The whole page takes drops: one that misses the zone would make the browser leave the page. */
function acceptDrops(onDrop: (data: DataTransfer) => void): void {
  const mark = (isOver: boolean): unknown => dropButton.classList.toggle('over', isOver)
  document.addEventListener('dragover', event => {
    event.preventDefault()
    mark(true)
  })
  document.addEventListener('dragleave', event => event.relatedTarget === null && mark(false))
  document.addEventListener('drop', event => {
    event.preventDefault()
    mark(false)
    if (event.dataTransfer !== null) onDrop(event.dataTransfer)
  })
}

function describe(choice: Choice): string {
  if (choice.kind === 'handles') {
    const names = choice.handles.slice(0, 3).map(({ name }) => name)
    const more = choice.handles.length > 3 ? ' …' : ''
    return choice.name === ''
      ? `${counted(choice.handles.length, 'item')}: ${names.join(', ')}${more}`
      : `Folder ${choice.name}`
  }
  if (choice.kind === 'tar') return `Tar ${choice.name}, ${formatBytes(choice.file.size)}`
  const size = choice.files.reduce((sum, { file }) => sum + file.size, 0)
  const name = choice.name === '' ? '' : `Folder ${choice.name}: `
  return `${name}${counted(choice.files.length, 'file')}, ${formatBytes(size)}`
}
