/** What every adapter does with the errors of its medium; what they mean is a table of its own in each. */

/** Where a call to a medium stood, for the message. */
export interface Place {
  readonly storage: string
  readonly operation: string
  readonly path?: string
}

/** Runs a call to a medium. `signal` is the caller's, which ends the call. */
export type Faulty = <T>(place: Place, call: () => Promise<T>, signal?: AbortSignal) => Promise<T>

/**
 * Runs calls whose errors become what `faultOf` makes of them. What a `guarded` function of the caller threw passes
 * through as it is.
 */
export function translating(faultOf: (error: unknown, place: Place) => unknown): Faulty {
  return async (place, call, signal) => {
    try {
      return await call()
    } catch (error) {
      if (error instanceof CallersError) throw error.cause
      // First: the reason of an abort is most often a `DOMException`, as the errors of a browser's medium are.
      signal?.throwIfAborted()
      throw faultOf(error, place)
    }
  }
}

/** Runs a function of the caller (an `edit`, a `choose`) inside a call that is translated. */
export function guarded<T>(call: () => T): T {
  try {
    return call()
  } catch (cause) {
    throw new CallersError('thrown by a function of the caller', { cause })
  }
}

/** The name of a `DOMException`, or `undefined` for any other value. */
export function domNameOf(error: unknown): string | undefined {
  return error instanceof DOMException ? error.name : undefined
}

/** What browsers call a medium that may not be used. */
export const deniedNames: ReadonlySet<string> = new Set(['NotAllowedError', 'SecurityError'])

/** What the caller's own function threw, kept apart, even if it looks like an error of the medium. */
class CallersError extends Error {}
