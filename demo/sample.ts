/** The sample: what the command line has built, built again in this tab, and both digests side by side. */

import { byId } from './dom.ts'
import type { Recipe, ServedFile } from './worker/protocol.ts'

const section = byId('sample', HTMLElement)
const text = byId('sample-text', HTMLElement)
const expected = byId('sample-expected', HTMLElement)
const found = byId('sample-found', HTMLElement)
const verdict = byId('sample-verdict', HTMLElement)
const button = byId('sample-build', HTMLButtonElement)
const digests = section.querySelector('.digests')

/** What `npm start` tells of the image that its command line built. */
export interface Sample {
  readonly digest: string
  readonly recipe: Recipe
  readonly files: readonly ServedFile[]
}

/** Where the sample is served: beside the page. */
export const sampleBase: string = new URL('./sample/', document.baseURI).href

/** Shows the sample if this page is served by `npm start`; on a plain web server there is none. */
export async function offerSample(onBuild: (sample: Sample) => void): Promise<void> {
  const response = await fetch(`${sampleBase}sample.json`).catch(() => undefined)
  // Some servers answer everything with the page itself.
  if (!response?.ok || response.headers.get('Content-Type') !== 'application/json') return
  const sample: Sample = await response.json()
  const { recipe, files } = sample
  const count = files.filter(({ kind }) => kind === 'file').length
  text.textContent = `npm start has built ${recipe.tag} from ${count} files of this clone with the command line. From the same files this tab makes the same bytes.`
  expected.textContent = sample.digest
  section.hidden = false
  button.addEventListener('click', () => onBuild(sample))
}

/** Says whether the tab's digest is the command line's. */
export function judgeSample(sample: Sample, digest: string): void {
  const isEqual = digest === sample.digest
  found.textContent = digest
  digests?.classList.toggle('equal', isEqual)
  digests?.classList.toggle('different', !isEqual)
  verdict.className = `verdict ${isEqual ? 'good' : 'bad'}`
  verdict.textContent = isEqual
    ? '✓ Equal: the same image, byte for byte.'
    : '✗ Different: this is a fault, please report it.'
}
