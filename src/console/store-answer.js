/**
 * What a Store response says of one file.
 *
 * @typedef {import('./dicom.js').DataSet} DataSet
 * @typedef {'stored' | 'warning' | 'refused' | 'failed'} Outcome `failed`: it may be sent again
 */

/**
 * What became of a file, of the answer to it: a Store response (PS3.18 §10.5.3, Annex I) or problem details.
 * @param {number} status
 * @param {string} body
 * @returns {{ readonly state: Outcome, readonly words: string, readonly study?: string }}
 */
export function outcomeOf(status, body) {
  const answer = parsed(body)
  const [stored] = items(answer, '00081199')
  if (stored) {
    const comment = first(stored, '00000902')
    const study = /\/studies\/([^/]+)/.exec(first(stored, '00081190'))?.[1]
    const state = stored['00081196'] === undefined ? 'stored' : 'warning'
    return { state, words: comment, ...(study !== undefined && { study }) }
  }
  const [refused] = [...items(answer, '00081198'), ...items(answer, '0008119A')]
  const words = refused
    ? first(refused, '00000902')
    : String(/** @type {any} */ (answer)['detail'] ?? `The service answered ${status}.`)
  const isPassing = status === 503 || status === 408 || status === 401 || status === 0
  return { state: isPassing ? 'failed' : 'refused', words }
}

/**
 * @param {string} body
 * @returns {DataSet}
 */
function parsed(body) {
  try {
    return JSON.parse(body)
  } catch {
    return {}
  }
}

/**
 * @param {DataSet} answer
 * @param {string} tag
 */
function items(answer, tag) {
  return /** @type {DataSet[]} */ (answer[tag]?.Value ?? [])
}

/**
 * @param {DataSet} item
 * @param {string} tag
 */
function first(item, tag) {
  const [value] = item[tag]?.Value ?? []
  return typeof value === 'string' ? value : ''
}
