/** How long a test goes on: the short form in CI, the long one where `OCIDIR_LONG=1` asks for it, before a release. */

// In pages of vitest, too: the configuration passes on what begins with OCIDIR_.
const given: Readonly<Record<string, string | undefined>> = import.meta.env ?? globalThis.process?.env ?? {}

/** Whether this is the long form. */
export const isLong: boolean = given.OCIDIR_LONG === '1'

/**
 * What the tests that draw lots begin with. The same in every run of CI, so that main stays as green as it was; another
 * one each day in the long form, or the one that is given: `OCIDIR_SEED=7`.
 */
export const seed: number = Number(given.OCIDIR_SEED ?? (isLong ? Math.floor(Date.now() / 86_400_000) : 1))

/** A number of rounds, by the form. */
export function rounds(numbers: { readonly short: number; readonly long: number }): number {
  return isLong ? numbers.long : numbers.short
}
