/** One page of what the service finds. */
import { ask } from './api.js'

/**
 * @typedef {{ readonly rows: readonly import('./dicom.js').DataSet[], readonly next: string | undefined,
 *   readonly total: number | undefined, readonly ms: number, readonly warnings: string | undefined }} Found
 *   `next`: the query of the page behind it
 */

/**
 * @param {import('./route.js').Level} level
 * @param {string} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<Found>}
 */
export async function search(level, query, signal) {
  const began = performance.now()
  const response = await ask(`dicomweb/${level}?${query}`, {
    headers: { Accept: 'application/dicom+json' },
    ...(signal && { signal }),
  })
  const ms = performance.now() - began
  const rows = response.status === 204 ? [] : await response.json()
  const total = response.headers.get('X-Total-Count')
  return {
    rows,
    ms,
    total: total === null ? undefined : Number(total),
    next: nextQuery(response.headers.get('Link')),
    warnings: response.headers
      .get('Warning')
      ?.replace(/299 \S+ "((?:[^"\\]|\\.)*)"(?:, )?/g, '$1 ')
      .trim(),
  }
}

/** @param {string | null} link the header (RFC 8288) */
function nextQuery(link) {
  const [, url] = /<([^>]+)>;\s*rel="next"/.exec(link ?? '') ?? []
  return url === undefined ? undefined : new URL(url).search.slice(1)
}
