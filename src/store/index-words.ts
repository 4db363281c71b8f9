// Names that many rows of the search index share, stored once: 0 stands for none. Pseudonyms of callers have a table
// of their own, which an erasure clears.

import type { DatabaseSync } from 'node:sqlite'
import { integer } from './columns.ts'

export type WordRole = 'kind' | 'agent' | 'operation' | 'outcome' | 'code' | 'snapshot'

export interface Words {
  readonly numberOf: (role: WordRole, word: string) => number
  /** of a pseudonym, base64url */
  readonly actorOf: (pseudonym: string) => number
}

export interface PreparedWords {
  /** gives numbers out, and remembers those it gave: for one transaction */
  remember(): Words
}

export function prepareWords(database: DatabaseSync): PreparedWords {
  const findWord = database.prepare('SELECT id FROM word WHERE role = ? AND word = ?')
  const addWord = database.prepare('INSERT INTO word (role, word) VALUES (?, ?)')
  const findActor = database.prepare('SELECT id FROM actor WHERE pseudonym = ?')
  const addActor = database.prepare('INSERT INTO actor (pseudonym) VALUES (?)')
  return {
    remember() {
      const words = new Map<string, number>()
      const actors = new Map<string, number>()
      return {
        numberOf: (role, word) => {
          if (word === '') return 0
          const key = `${role} ${word}`
          const known = words.get(key)
          if (known !== undefined) return known
          const found = findWord.get(role, word)
          const id = found === undefined ? Number(addWord.run(role, word).lastInsertRowid) : integer(found, 'id')
          words.set(key, id)
          return id
        },
        actorOf: (pseudonym) => {
          if (pseudonym === '') return 0
          const known = actors.get(pseudonym)
          if (known !== undefined) return known
          const bytes = Buffer.from(pseudonym, 'base64url')
          const found = findActor.get(bytes)
          const id = found === undefined ? Number(addActor.run(bytes).lastInsertRowid) : integer(found, 'id')
          actors.set(pseudonym, id)
          return id
        },
      }
    },
  }
}
