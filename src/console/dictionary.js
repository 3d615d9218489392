/** The dictionaries as the service has them, that of PS3.6 and the site's own, loaded once. */
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
  const [standard, own] = await Promise.all([
    fetch(address('console/dictionary.json')),
    fetch(address('console/private-names.json')),
  ])
  /** @type {[string, string, string, number][]} */
  const rows = await standard.json()
  /** @type {Record<string, string>} */
  const names = await own.json()
  return dictionaryOf(rows, names)
}
