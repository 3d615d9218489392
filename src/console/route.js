/**
 * Where in the console one is, as the part of the address behind `#`: browsers send it nowhere, so no name that was
 * searched for stands in anybody's log because of it.
 *
 * @typedef {'patients' | 'studies' | 'series' | 'instances'} Level
 * @typedef {{ page: 'search', level: Level, query: string }} SearchRoute
 *   `query` as QIDO-RS takes it, without question mark
 * @typedef {{ page: 'study', study: string, series?: string, instance?: string }} StudyRoute
 * @typedef {SearchRoute | StudyRoute | { page: 'status' } | { page: 'upload' }} Route
 */

/** @type {readonly Level[]} */
export const LEVELS = ['patients', 'studies', 'series', 'instances']

/**
 * What an address means; whatever it is, it means something.
 * @param {string} hash with its `#`, or empty
 * @returns {Route}
 */
export function readRoute(hash) {
  const [path = '', ...rest] = hash.replace(/^#\/?/, '').split('?')
  const [page, first, second, third] = path.split('/').map(decoded)
  if (page === 'status' || page === 'upload') return { page }
  if (page === 'study' && first) {
    return { page, study: first, ...(second && { series: second }), ...(third && { instance: third }) }
  }
  const level = LEVELS.find((one) => one === first) ?? 'studies'
  return { page: 'search', level, query: rest.join('?') }
}

/**
 * The address of a place, for `href`.
 * @param {Route} route
 * @returns {string}
 */
export function hrefOf(route) {
  if (route.page === 'search') {
    const query = route.query === '' ? '' : `?${route.query}`
    return `#/search/${route.level}${query}`
  }
  if (route.page !== 'study') return `#/${route.page}`
  const { study, series, instance } = route
  const uids = [study, series, instance].filter((uid) => uid !== undefined)
  return ['#/study', ...uids.map(encodeURIComponent)].join('/')
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
