/** What a test of faults counts and prints: a fault that never fired proves nothing. */

/** Attempts, faults that really fired, and losses of one promise. */
export class Tally {
  readonly name: string
  attempts = 0
  fired = 0
  losses = 0

  constructor(name: string) {
    this.name = name
  }

  /** Prints the figures; throws where nothing fired. */
  report(): this {
    console.log(`${this.name}: ${this.attempts} attempts, ${this.fired} fired, ${this.losses} lost`)
    if (this.fired === 0) throw new Error(`${this.name}: no fault fired, so nothing was shown`)
    return this
  }
}
