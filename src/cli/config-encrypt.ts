// `config encrypt`: turns what it reads on standard input into a value `age:…` for the configuration, or with --file
// into a whole encrypted file. Only recipients are needed, no identity: whoever writes a secret need not be able to
// read it.

import { encryptAge, formatAgeValue, formatArmor } from '../config/config.ts'
import type { Command } from './command.ts'
import { CommandError, printJson, printWarning } from './io.ts'

const maxInputBytes = 1024 * 1024

export const command: Command = {
  arguments: [],
  options: {
    recipient: { value: 'age1…', multiple: true, short: 'r', about: 'who can decrypt it; give it more than once' },
    file: { about: 'a whole configuration: print an armoured file instead of a value' },
  },
  details: `At least two recipients are wise, the gateway and one whose identity is kept offline:

  sallyport config encrypt -r age1gateway… -r age1offline… < crm-token.txt
  sallyport config encrypt --file -r age1gateway… -r age1offline… < sallyport.yaml > sallyport.yaml.age`,
  run: async (input) => {
    const recipients = input.list('recipient')
    if (recipients.length === 0)
      throw new CommandError(2, 'nobody could decrypt it', 'write --recipient age1…, as age-keygen -y prints it')
    const text = await input.io.readInput?.(maxInputBytes)
    if (text === undefined) throw new CommandError(2, 'standard input is larger than 1 MiB', 'encrypt a shorter value')
    const isFile = input.flag('file')
    const value = isFile ? text : text.replace(/\r?\n$/, '')
    if (value === '') throw new CommandError(2, 'standard input is empty', 'pipe the value: … < FILE')
    const encrypted = await encryptAge(Buffer.from(value), recipients)
    const shown = isFile ? formatArmor(encrypted) : formatAgeValue(encrypted)
    if (input.json) printJson(input.io, { encrypted: shown })
    else input.io.out(isFile ? shown : `${shown}\n`)
    if (recipients.length === 1)
      printWarning(input.io, 'only one identity can decrypt it', 'add a --recipient whose identity is kept offline')
    return 0
  },
}
