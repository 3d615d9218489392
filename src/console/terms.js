/**
 * What is searched for: match keys of QIDO-RS (PS3.18 §8.3.4), one term each, all of which must hold.
 *
 * @typedef {{ readonly name: string, readonly value: string }} Term
 *   `name` as QIDO-RS takes it: keyword, tag, dotted path, or `0019xx01;CREATOR`
 * @typedef {{ readonly sign: string, readonly meaning: string }} Hint
 */

/** Parameters that say how to search, not what for. */
const SWITCHES = /^(?:limit|offset|after|fuzzymatching|emptyvaluematching|includefield|orderby|total)$/i
/** What a bare word may be meant as, the likeliest first. */
const BARE = /** @type {const} */ ([
  ['PatientName', 'in the name of a patient'],
  ['PatientID', 'in a patient ID'],
  ['StudyDescription', 'in the description of a study'],
  ['SeriesDescription', 'in the description of a series'],
  ['AccessionNumber', 'in an accession number'],
])

/**
 * The terms of a query string.
 * @param {string} query
 * @returns {Term[]}
 */
export function termsOf(query) {
  return [...new URLSearchParams(query)]
    .filter(([name]) => name !== '' && !SWITCHES.test(name))
    .map(([name, value]) => ({ name, value }))
}

/**
 * The query string of terms, percent-encoded.
 * @param {readonly Term[]} terms
 * @returns {string}
 */
export function queryOf(terms) {
  return terms.map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')
}

/**
 * The question to the service: the terms, each named in the answer too, so that a row can show why it is there.
 * @param {readonly Term[]} terms
 * @param {{ readonly limit: number }} options
 * @returns {string}
 */
export function requestOf(terms, { limit }) {
  const asked = terms.map(({ name }) => `includefield=${encodeURIComponent(name)}`)
  const isEmptyAsked = terms.some(({ value }) => value === '""')
  const more = ['fuzzymatching=true', ...(isEmptyAsked ? ['emptyvaluematching=true'] : [])]
  return [queryOf(terms), ...asked, ...more, `limit=${limit}`, 'total=true'].filter(Boolean).join('&')
}

/**
 * A term that was typed out, `name=value`; undefined for anything else.
 * @param {string} text
 * @returns {Term | undefined}
 */
export function readTerm(text) {
  const equals = text.indexOf('=')
  const name = text.slice(0, equals).trim()
  const value = text.slice(equals + 1).trim()
  return equals < 0 || name === '' || value === '' ? undefined : { name, value }
}

/**
 * What a bare word may be meant as. A UID is an identifier and nothing else.
 * @param {string} text
 * @returns {{ readonly term: Term, readonly meaning: string }[]}
 */
export function guesses(text) {
  const word = text.trim()
  if (word === '') return []
  if (/^\d+(?:\.\d+){3,}$/.test(word)) {
    return [
      { term: { name: 'StudyInstanceUID', value: word }, meaning: 'as the UID of a study' },
      { term: { name: 'SeriesInstanceUID', value: word }, meaning: 'as the UID of a series' },
      { term: { name: 'SOPInstanceUID', value: word }, meaning: 'as the UID of an instance' },
    ]
  }
  const pattern = /[*?]/.test(word) ? word : `*${word}*`
  return BARE.map(([name, meaning]) => ({ term: { name, value: pattern }, meaning }))
}

const ANY = { sign: '*', meaning: 'any number of letters' }
const ONE = { sign: '?', meaning: 'exactly one letter' }
const LIST = { sign: 'a\\b', meaning: 'one or the other' }
const NONE = { sign: '""', meaning: 'where it has no value' }

/** @type {Readonly<Record<string, readonly Hint[]>>} */
const HINTS = {
  text: [ANY, ONE, LIST, NONE],
  name: [
    { sign: 'Doe^Jane', meaning: 'family name, then given name; case and accents do not matter' },
    { sign: 'jane doe', meaning: 'words, in any order' },
    ANY,
    NONE,
  ],
  exact: [{ sign: '1.2.3', meaning: 'the whole of it' }, LIST, NONE],
  number: [{ sign: '42', meaning: 'that number, however it is written' }, LIST, NONE],
  date: [
    { sign: '20260131', meaning: 'that day' },
    { sign: '20260101-20261231', meaning: 'from one to the other, both included' },
    { sign: '20260101-', meaning: 'from then on' },
    { sign: '-20260101', meaning: 'until then' },
  ],
  time: [
    { sign: '0830-1200', meaning: 'from one to the other' },
    { sign: '08', meaning: 'any time in that hour' },
  ],
  sequence: [{ sign: '.', meaning: 'holds items: go on with a dot and the attribute inside' }],
  bytes: [{ sign: '*', meaning: 'holds bytes: found only by being there' }, NONE],
}

/** @type {Readonly<Record<string, string>>} */
const KINDS = {
  PN: 'name',
  DA: 'date',
  DT: 'date',
  TM: 'time',
  SQ: 'sequence',
  UI: 'exact',
  AS: 'exact',
  AT: 'exact',
  ...Object.fromEntries(
    ['DS', 'IS', 'FD', 'FL', 'SL', 'SS', 'SV', 'UL', 'US', 'UV'].map((vr) => [vr, 'number']),
  ),
  ...Object.fromEntries(['OB', 'OD', 'OF', 'OL', 'OV', 'OW'].map((vr) => [vr, 'bytes'])),
}

/**
 * What may be written behind the name of an attribute of this VR (PS3.4 C.2.2.2).
 * @param {string | undefined} vr undefined where no dictionary knows it: private elements
 * @returns {readonly Hint[]}
 */
export function hintsFor(vr) {
  return HINTS[KINDS[vr ?? 'UN'] ?? 'text'] ?? []
}
