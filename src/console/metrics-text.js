/**
 * What `/metrics` says (Prometheus text format 0.0.4), as far as a person wants to see it.
 *
 * @typedef {{ readonly name: string, readonly labels: Readonly<Record<string, string>>, readonly value: number }} Sample
 */

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g

/**
 * @param {string} source
 * @returns {Sample[]}
 */
export function readMetrics(source) {
  return source.split('\n').flatMap((line) => {
    const [, name, labelText = '', value] = (line.startsWith('#') ? null : LINE.exec(line)) ?? []
    if (name === undefined || value === undefined) return []
    const labels = Object.fromEntries([...labelText.matchAll(LABEL)].map(([, key, text]) => [key, text]))
    return [{ name, labels, value: value === '+Inf' ? Infinity : Number(value) }]
  })
}

/**
 * The sum of the samples of a name that fit.
 * @param {readonly Sample[]} samples
 * @param {string} name
 * @param {(labels: Readonly<Record<string, string>>) => boolean} [fits]
 */
export function total(samples, name, fits = () => true) {
  return samples
    .filter((one) => one.name === name && fits(one.labels))
    .reduce((sum, { value }) => sum + value, 0)
}

/** @param {Readonly<Record<string, string>>} labels whether they are those of a search */
export function isSearch({ method, route = '' }) {
  return (
    method === 'GET' && /^\/dicomweb\/(?:.*\/)?(?:patients|studies|series|instances)(?:\/count)?$/.test(route)
  )
}

/** @param {Readonly<Record<string, string>>} labels whether they are those of a retrieval */
export function isRetrieve(labels) {
  return labels['method'] === 'GET' && (labels['route'] ?? '').startsWith('/dicomweb/') && !isSearch(labels)
}

/**
 * Seconds within which a share of the requests were answered, as the bound of a bucket; undefined where there were none.
 * @param {readonly Sample[]} samples of a histogram
 * @param {string} name without `_bucket`
 * @param {number} share from 0 to 1
 * @param {(labels: Readonly<Record<string, string>>) => boolean} fits
 * @returns {number | undefined}
 */
export function within(samples, name, share, fits) {
  /** @type {Map<number, number>} */
  const buckets = new Map()
  for (const { name: full, labels, value } of samples) {
    if (full !== `${name}_bucket` || !fits(labels)) continue
    const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le'])
    buckets.set(bound, (buckets.get(bound) ?? 0) + value)
  }
  const all = buckets.get(Infinity) ?? 0
  const bounds = [...buckets.keys()].sort((a, b) => a - b)
  return all === 0 ? undefined : bounds.find((bound) => (buckets.get(bound) ?? 0) >= share * all)
}
