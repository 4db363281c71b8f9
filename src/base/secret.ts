// Holds a secret so that nobody prints it by accident: however the holder is shown (a template, JSON, util.inspect, an
// error that carries it), it reads `[secret]`. Who needs the value asks for it by name, and that can be searched for.

import { inspect } from 'node:util'

const shown = '[secret]'

export class Secret {
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  static ofText(text: string): Secret {
    return new Secret(Buffer.from(text, 'utf8'))
  }

  /** not a copy: whoever changes it changes the secret */
  bytes(): Buffer {
    return this.#bytes
  }

  text(): string {
    return this.#bytes.toString('utf8')
  }

  toString(): string {
    return shown
  }

  toJSON(): string {
    return shown
  }

  [inspect.custom](): string {
    return shown
  }
}
