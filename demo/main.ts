/** The page, put together. It only shows: every byte is handled by the worker. */

import type { Choice } from './choice.ts'
import { Chooser, sendChoice } from './chooser.ts'
import { WorkerClient } from './client.ts'
import { commandOf } from './command.ts'
import { announce, byId, showFault } from './dom.ts'
import { FieldError, fillDate, markField, readRecipe } from './recipe.ts'
import { type CommandLine, ResultView } from './result.ts'
import { judgeSample, offerSample, type Sample, sampleBase } from './sample.ts'
import { StoredView } from './stored.ts'
import { isWorking, work } from './work.ts'
import type { ImageSummary, Recipe, Source } from './worker/protocol.ts'

const form = byId('build', HTMLFormElement)
const formFault = byId('form-error', HTMLElement)

const client = new WorkerClient()
const result = new ResultView(client)
const stored = new StoredView(client, {
  onOpen: image => result.show(image),
  onRemoved: tag => result.hide(tag),
})
const chooser = new Chooser(showFormFault)

fillDate()
form.addEventListener('submit', event => {
  event.preventDefault()
  if (!isWorking()) buildOwn().catch(showFormFault)
})
offerSample(sample => {
  if (!isWorking()) buildSample(sample).catch(showFormFault)
}).catch(showFormFault)
stored.refresh().catch(showFormFault)

async function buildOwn(): Promise<void> {
  showFormFault(undefined)
  const { choice } = chooser
  if (choice === undefined) throw new FieldError('drop', 'Choose a folder or a tar first')
  const recipe = readRecipe()
  const image = await build(recipe, signal => sendChoice(client, choice, signal))
  if (image !== undefined) await result.show(image, { command: commandLine(recipe, choice) })
}

async function buildSample(sample: Sample): Promise<void> {
  showFormFault(undefined)
  const { recipe, files } = sample
  const image = await build(recipe, async () => ({ kind: 'served', base: `${sampleBase}files/`, files }))
  if (image === undefined) return
  judgeSample(sample, image.digest)
  const text = commandOf(recipe, { kind: 'folder', path: './ocidir' })
  const command: CommandLine = { text, note: 'With the files of the sample in ./ocidir.' }
  await result.show(image, { command, takesFocus: false })
}

async function build(
  recipe: Recipe,
  send: (signal: AbortSignal) => Promise<Source>,
): Promise<ImageSummary | undefined> {
  const image = await work(`Building ${recipe.tag}`, async options => {
    const source = await send(options.signal)
    return client.call('build', { source, recipe }, options)
  })
  if (image === undefined) announce('Cancelled; nothing was kept')
  await stored.refresh()
  return image
}

function commandLine(recipe: Recipe, { kind, name }: Choice): CommandLine {
  if (kind === 'tar') {
    return {
      text: commandOf(recipe, { kind, path: `./${name}` }),
      note: 'Run it beside the tar: the digest is the same.',
    }
  }
  const path = `./${name || 'files'}`
  const place = name === '' ? `With the files in ${path}` : `Run it beside ${name}`
  const note = `${place}: the digest is the same if the files are, and if only those can be executed that the form lists.`
  return { text: commandOf(recipe, { kind: 'folder', path }), note }
}

function showFormFault(error: unknown): void {
  markField(form, error)
  showFault(formFault, error)
}
