import type { BrowserCommand } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** `write:TOKEN` or `read:TOKEN` when a test restarts the browser around its profile; else empty. */
    profileProbe: string
  }
}
declare module 'vitest/browser' {
  interface BrowserCommands {
    /** Whether this browser runs on a profile on disk, or off the record. */
    persistence(): Promise<boolean>
  }
}

/** Asks playwright, on the Node side: only `launchPersistentContext` gives the provider such a context. */
export const persistence: BrowserCommand<[]> = ({ provider }) =>
  'persistentContext' in provider && provider.persistentContext !== null
