const inspect = Symbol.for("nodejs.util.inspect.custom");

/**
 * A value that must reach no log, error, metric or dump (F-01, H-14): however it is printed, it
 * reads `[secret]`. Only `reveal()` gives it away, so each use of a secret can be found by that word.
 */
export class Secret<T extends string = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect](): string {
    return "[secret]";
  }
}
