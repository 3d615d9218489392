/** What was found, as rows of people's words, with why each is there. */
import { h } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { text, texts, valuesAt, words } from './dicom.js'
import { search } from './found.js'
import { RawLink } from './links.js'
import { counted, Fault, numberText } from './loading.js'
import { Picture } from './picture.js'
import { hrefOf } from './route.js'
import { queryOf, requestOf } from './terms.js'

/**
 * @typedef {import('./dicom.js').DataSet} DataSet
 * @typedef {import('./route.js').Level} Level
 * @typedef {import('./terms.js').Term} Term
 * @typedef {import('./keywords.js').Dictionary} Dictionary
 * @typedef {import('./found.js').Found} Found
 * @typedef {{ readonly href: string, readonly title: string, readonly facts: readonly string[], readonly aside: readonly string[],
 *   readonly badges: readonly string[], readonly picture?: { readonly path: string, readonly route: string } }} Row
 */

const PAGE = 25
/** What a row shows anyway. */
const SHOWN = new Set([
  'PatientName',
  'PatientID',
  'StudyDescription',
  'StudyDate',
  'Modality',
  'ModalitiesInStudy',
  'SeriesDescription',
])

/**
 * @param {object} props
 * @param {Level} props.level
 * @param {readonly Term[]} props.terms
 * @param {Dictionary | undefined} props.dictionary
 * @param {boolean} props.isAtRest false while another search is on its way
 */
export function Results({ level, terms, dictionary, isAtRest }) {
  const [found, setFound] = useState(/** @type {Found | undefined} */ (undefined))
  const [error, setError] = useState(/** @type {Error | undefined} */ (undefined))
  const request = requestOf(terms, { limit: PAGE })
  /** The page that is on its way: it is asked for once, and its rows come once. */
  const underWay = useRef('')
  /**
   * @param {string} query
   * @param {AbortSignal} [signal]
   */
  const load = (query, signal) => {
    setError(undefined)
    return search(level, query, signal).then(
      (more) => setFound((before) => (before ? { ...more, rows: [...before.rows, ...more.rows] } : more)),
      (/** @type {unknown} */ fault) => {
        if (!signal?.aborted) setError(fault instanceof Error ? fault : new Error(String(fault)))
      },
    )
  }
  useEffect(() => {
    const controller = new AbortController()
    void load(request, controller.signal)
    return () => controller.abort()
  }, [level, request])

  const next = found?.next
  /** @param {string} page */
  const loadMore = async (page) => {
    if (underWay.current === page) return
    underWay.current = page
    await load(page)
    underWay.current = ''
  }
  return h(
    'section',
    { class: isAtRest ? 'results' : 'results leaving', 'aria-label': 'Results' },
    h(
      'p',
      { class: 'summary', role: 'status' },
      found === undefined ? (error === undefined ? 'Searching …' : '') : summary(level, found, terms),
      found && h(RawLink, { path: `dicomweb/${level}?${queryOf(terms)}` }, 'as JSON'),
    ),
    found?.warnings && h('p', { class: 'notice' }, found.warnings),
    h(Fault, { error, onAgain: () => void load(request) }),
    found?.rows.length === 0 && h(Nothing, { terms }),
    found &&
      h(
        'ol',
        { class: 'hits' },
        found.rows.map((dataSet, at) =>
          h(Hit, { key: at, row: rowOf(level, dataSet), reasons: reasonsOf(dataSet, terms, dictionary) }),
        ),
      ),
    next !== undefined &&
      h('button', { type: 'button', class: 'more', onClick: () => void loadMore(next) }, `${PAGE} more`),
  )
}

/**
 * @param {Level} level
 * @param {Found} found
 * @param {readonly Term[]} terms
 */
function summary(level, { total, rows, ms }, terms) {
  const noun = { patients: 'patient', studies: 'study', series: 'series', instances: 'instance' }[level]
  const many = level === 'series' ? 'series' : level
  const what = counted(total ?? rows.length, noun, many)
  return `${terms.length === 0 ? `${what}, newest first` : what} · ${ms < 10 ? ms.toFixed(1) : numberText(Math.round(ms))} ms`
}

/** @param {{ terms: readonly Term[] }} props */
function Nothing({ terms }) {
  if (terms.length === 0) {
    return h(
      'p',
      { class: 'empty' },
      'Nothing is stored yet. ',
      h('a', { href: '#/upload' }, 'Upload files'),
      ', or point a PACS to the DICOMweb address.',
    )
  }
  return h(
    'p',
    { class: 'empty' },
    'Nothing matches all of that.',
    terms.some(({ value }) => value !== '' && !/[*?]/.test(value)) &&
      ' Text must match whole: write * where more may stand.',
  )
}

/** @param {{ row: Row, reasons: readonly (readonly [string, string])[] }} props */
function Hit({ row, reasons }) {
  return h(
    'li',
    { class: row.picture ? 'hit' : 'hit plain' },
    row.picture && h(Picture, { ...row.picture, alt: '', stand: row.badges[0] ?? '' }),
    h(
      'div',
      { class: 'hit-main' },
      h('a', { class: 'hit-title', href: row.href }, row.title),
      h(
        'p',
        { class: 'facts' },
        row.facts.filter(Boolean).map((fact) => h('span', { key: fact }, fact)),
      ),
      reasons.length > 0 &&
        h(
          'dl',
          { class: 'reasons' },
          reasons.map(([name, value]) => h('div', { key: name }, h('dt', null, name), h('dd', null, value))),
        ),
    ),
    h(
      'div',
      { class: 'hit-aside' },
      h(
        'p',
        { class: 'badges' },
        row.badges.map((badge) => h('span', { key: badge, class: 'badge' }, badge)),
      ),
      row.aside.filter(Boolean).map((line) => h('p', { key: line }, line)),
    ),
  )
}

/**
 * @param {Level} level
 * @param {DataSet} dataSet
 * @returns {Row}
 */
function rowOf(level, dataSet) {
  const [study, series, instance] = ['0020000D', '0020000E', '00080018'].map((tag) => text(dataSet, tag))
  const name = text(dataSet, '00100010') || 'No name'
  const person = [text(dataSet, '00100020'), born(dataSet), text(dataSet, '00100040')]
  const when = [text(dataSet, '00080020'), text(dataSet, '00080030').slice(0, 5)].join(' ').trim()
  const what = text(dataSet, '00081030')
  if (level === 'patients') {
    const id = text(dataSet, '00100020')
    const query = queryOf(
      id === '' ? [{ name: 'PatientName', value: rawName(dataSet) }] : [{ name: 'PatientID', value: id }],
    )
    return {
      href: hrefOf({ page: 'search', level: 'studies', query }),
      title: name,
      facts: person,
      badges: [],
      aside: [counts(dataSet, ['00201200', 'study', 'studies'], ['00201204', 'instance', 'instances'])],
    }
  }
  if (level === 'studies') {
    return {
      href: hrefOf({ page: 'study', study: study ?? '' }),
      title: name,
      facts: [what, ...person],
      badges: texts(dataSet, '00080061'),
      aside: [when, counts(dataSet, ['00201206', 'series', 'series'], ['00201208', 'instance', 'instances'])],
      picture: { path: `dicomweb/studies/${study}/thumbnail`, route: '/dicomweb/studies/{study}/thumbnail' },
    }
  }
  const inSeries = `dicomweb/studies/${study}/series/${series}`
  const seriesName = text(dataSet, '0008103E') || `Series ${text(dataSet, '00200011')}`
  if (level === 'series') {
    return {
      href: hrefOf({ page: 'study', study: study ?? '', series: series ?? '' }),
      title: seriesName,
      facts: [name, what, text(dataSet, '00100020')],
      badges: texts(dataSet, '00080060'),
      aside: [when, counts(dataSet, ['00201209', 'instance', 'instances'])],
      picture: {
        path: `${inSeries}/thumbnail`,
        route: '/dicomweb/studies/{study}/series/{series}/thumbnail',
      },
    }
  }
  return {
    href: hrefOf({ page: 'study', study: study ?? '', series: series ?? '', instance: instance ?? '' }),
    title: `${seriesName}, instance ${text(dataSet, '00200013') || '?'}`,
    facts: [name, what, text(dataSet, '00100020')],
    badges: texts(dataSet, '00080060'),
    aside: [when],
    picture: {
      path: `${inSeries}/instances/${instance}/thumbnail`,
      route: '/dicomweb/studies/{study}/series/{series}/instances/{instance}/thumbnail',
    },
  }
}

/** @param {DataSet} dataSet */
function born(dataSet) {
  const date = text(dataSet, '00100030')
  return date === '' ? '' : `born ${date}`
}

/** @param {DataSet} dataSet the name as a search takes it */
function rawName(dataSet) {
  const [name] = dataSet['00100010']?.Value ?? []
  return /** @type {import('./dicom.js').PersonName | undefined} */ (name)?.Alphabetic ?? '""'
}

/**
 * @param {DataSet} dataSet
 * @param {...readonly [tag: string, one: string, many: string]} kinds
 */
function counts(dataSet, ...kinds) {
  return kinds
    .filter(([tag]) => text(dataSet, tag) !== '')
    .map(([tag, one, many]) => counted(Number(text(dataSet, tag)), one, many))
    .join(' · ')
}

/**
 * What a row has where it was searched, unless it shows that anyway.
 * @param {DataSet} dataSet
 * @param {readonly Term[]} terms
 * @param {Dictionary | undefined} dictionary
 * @returns {(readonly [string, string])[]}
 */
function reasonsOf(dataSet, terms, dictionary) {
  const names = [...new Set(terms.map(({ name }) => name))].filter((name) => !SHOWN.has(name))
  return names.flatMap((name) => {
    const values = valuesAt(dataSet, name, (keyword) => dictionary?.byKeyword.get(keyword)?.tag)
    const shown = [...new Set(values)].slice(0, 3).join(', ')
    return shown === ''
      ? []
      : [/** @type {const} */ ([name.includes(';') ? name : words(name).replaceAll('.', ' › '), shown])]
  })
}
