/** Pickers that Chromium has and no type library declares: each is `undefined` where the browser has none. */

interface PickerWindow {
  showDirectoryPicker?(options: {
    readonly id: string
    readonly mode: 'read' | 'readwrite'
  }): Promise<FileSystemDirectoryHandle>
  showSaveFilePicker?(options: { readonly suggestedName: string }): Promise<FileSystemFileHandle>
}

// Looked up at each call: what a browser (or a policy) takes away later is then missing, not broken.
const pickers: Window & PickerWindow = window

/** Tells whether folders can be picked for writing. */
export function hasFolderPicker(): boolean {
  return typeof pickers.showDirectoryPicker === 'function'
}

/** A folder of the user's choice. Rejects with an `AbortError` when the user thinks better of it. */
export function pickFolder(mode: 'read' | 'readwrite'): Promise<FileSystemDirectoryHandle> | undefined {
  return pickers.showDirectoryPicker?.({ id: mode === 'read' ? 'source' : 'target', mode })
}

/** A file to write into. Rejects with an `AbortError` when the user thinks better of it. */
export function pickTarget(suggestedName: string): Promise<FileSystemFileHandle> | undefined {
  return pickers.showSaveFilePicker?.({ suggestedName })
}
