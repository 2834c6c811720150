/** Stacks of layers, told apart by numbers. */

/** Gives stacks that are alike one number, as far as they are remembered: beyond a bound each is another one. */
export class Stacks {
  readonly #numbers = new Map<string, number>()
  #last = 0

  /** The number of a stack with one more layer on top; that of nothing is 0. */
  on(below: number, digest: string): number {
    const key = `${below} ${digest}`
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    this.#last += 1
    if (this.#numbers.size < mostRemembered) this.#numbers.set(key, this.#last)
    return this.#last
  }
}

/** Of stacks, or of what was said of them: some 20 MB. */
export const mostRemembered: number = 1 << 17
