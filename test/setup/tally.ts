/** What a test of faults counts and prints: a fault that never fired proves nothing. */

/**
 * Attempts, faults that really fired, and losses of one promise. `scripts/soak.mjs` makes docs/reliability.md of the lines.
 *
 * The name begins with the promise (`P5: 64 updates at once`). That of a variant which must lose ends with
 * `(broken on purpose)`.
 */
export class Tally {
  readonly name: string
  attempts = 0
  fired = 0
  losses = 0

  constructor(name: string) {
    if (!/^P\d+: /.test(name)) throw new Error(`which promise is it about: ${name}`)
    this.name = name
  }

  /** Prints the figures; throws where nothing fired. */
  report(): this {
    console.log(`${this.name}: ${this.attempts} attempts, ${this.fired} fired, ${this.losses} lost`)
    if (this.fired === 0) throw new Error(`${this.name}: no fault fired, so nothing was shown`)
    return this
  }
}
