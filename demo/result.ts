/** The image on show: what it is, its check, its files, the command that makes it, and ways to keep it. */

import { CheckView } from './check.ts'
import type { WorkerClient } from './client.ts'
import { announce, byId, copyFrom, fact, showFault } from './dom.ts'
import { FileList } from './file-list.ts'
import { counted, formatBytes } from './format.ts'
import { SaveButtons } from './saving.ts'
import type { ImageSummary } from './worker/protocol.ts'

const section = byId('result', HTMLElement)
const title = byId('result-title', HTMLElement)
const facts = byId('facts', HTMLElement)
const fault = byId('result-error', HTMLElement)
const copyDigest = byId('copy-digest', HTMLButtonElement)
const commandPart = byId('command-part', HTMLElement)
const command = byId('command', HTMLElement)
const commandNote = byId('command-note', HTMLElement)
const copyCommand = byId('copy-command', HTMLButtonElement)

/** The command line of an image just built, and what to know about it. */
export interface CommandLine {
  readonly text: string
  readonly note: string
}

/** How an image is shown. */
export interface ShowOptions {
  readonly command?: CommandLine | undefined
  /** False where the user is looking at something else: at the sample's two digests. */
  readonly takesFocus?: boolean
}

/** Shows one image after the other. */
export class ResultView {
  readonly #check: CheckView
  readonly #files: FileList
  readonly #save: SaveButtons
  #image: ImageSummary | undefined

  constructor(client: WorkerClient) {
    const onFault = (error: unknown): void => showFault(fault, error)
    this.#check = new CheckView(client, onFault)
    this.#files = new FileList(client)
    this.#save = new SaveButtons(client, onFault)
    copyDigest.addEventListener('click', () => copyFrom(copyDigest, this.#image?.digest ?? ''))
    copyCommand.addEventListener('click', () => copyFrom(copyCommand, command.textContent ?? ''))
  }

  /** Shows an image, lists its files and checks the layout. A faulty image is told of, never thrown. */
  async show(image: ImageSummary, { command: line, takesFocus = true }: ShowOptions = {}): Promise<void> {
    this.#image = image
    title.textContent = image.tag
    facts.replaceChildren(...factsOf(image))
    commandPart.hidden = line === undefined
    command.textContent = line?.text ?? ''
    commandNote.textContent = line?.note ?? ''
    showFault(fault, undefined)
    this.#save.open(image)
    section.hidden = false
    if (takesFocus) title.focus()
    announce(`${image.tag} is ready, ${formatBytes(image.size)}, digest ${image.digest}`)
    const listing = this.#files.open(image.tag)
    try {
      await this.#check.run({ isBackground: true })
    } catch (error) {
      showFault(fault, error)
    }
    await listing
  }

  /** Takes the image off the page when it is the one of this tag. */
  hide(tag: string): void {
    if (this.#image?.tag !== tag) return
    this.#image = undefined
    section.hidden = true
  }
}

function factsOf({
  digest,
  size,
  platform,
  created,
  layers,
  entrypoint,
  cmd,
  env,
  workdir,
}: ImageSummary): Node[] {
  const bytes = layers.reduce((sum, layer) => sum + layer.size, 0)
  const container: readonly (readonly [string, string])[] = [
    ['Entrypoint', entrypoint.length > 0 ? JSON.stringify(entrypoint) : ''],
    ['Command', cmd.length > 0 ? JSON.stringify(cmd) : ''],
    ['Environment', env.join('\n')],
    ['Working folder', workdir],
  ]
  return [
    fact('Digest', digest, true),
    fact('Size', `${formatBytes(size)}; ${counted(layers.length, 'layer')} of ${formatBytes(bytes)}`),
    fact('Platform', platform),
    ...(created === '' ? [] : [fact('Date', created)]),
    ...container.filter(([, text]) => text !== '').map(([term, text]) => fact(term, text, true)),
  ]
}
