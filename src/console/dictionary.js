/** The dictionary of PS3.6 as the service has it, loaded once. */
import { address } from './api.js'
import { dictionaryOf } from './keywords.js'

/** @typedef {import('./keywords.js').Dictionary} Dictionary */

/** @type {Promise<Dictionary> | undefined} */
let loaded

/** @returns {Promise<Dictionary>} */
export function dictionary() {
  loaded ??= load().catch((/** @type {unknown} */ error) => {
    loaded = undefined
    throw error
  })
  return loaded
}

async function load() {
  const response = await fetch(address('console/dictionary.json'))
  /** @type {[string, string, string, number][]} */
  const rows = await response.json()
  return dictionaryOf(rows)
}
