/** The little that this page needs of a framework. Text goes in as text: nothing from an image is ever markup. */

/** The element of an id, of the class that is expected. Throws when the page and its script disagree. */
export function byId<E extends HTMLElement>(id: string, type: new () => E): E {
  const found = document.getElementById(id)
  if (found instanceof type) return found
  throw new TypeError(`the page has no ${type.name} #${id}`)
}

/** A new element with attributes and children. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

/** A term and its description, for a `<dl>`. */
export function fact(term: string, description: string, isCode = false): HTMLDivElement {
  const text = isCode ? make('code', {}, description) : description
  return make('div', {}, make('dt', {}, term), make('dd', {}, text))
}

/** Shows what went wrong in a `role="alert"` element; `undefined` hides it. */
export function showFault(place: HTMLElement, error: unknown): void {
  place.hidden = error === undefined
  place.textContent = error === undefined ? '' : faultText(error)
}

/** Says something to a screen reader, once. */
export function announce(text: string): void {
  byId('status', HTMLElement).textContent = text
}

/** Copies text and says so on the button. */
export async function copyFrom(button: HTMLButtonElement, text: string): Promise<void> {
  const label = button.textContent ?? ''
  try {
    await navigator.clipboard.writeText(text)
    announce('Copied')
    button.textContent = 'Copied'
  } catch {
    button.textContent = 'The browser refused: select and copy by hand'
  }
  button.disabled = false
  setTimeout(() => {
    button.textContent = label
  }, 2000)
}

/** Tells whether an error is the user's own cancel: of ours, or of a picker. */
export function isCancel(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

function faultText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  const text = error.message || error.name
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${code}`
}
