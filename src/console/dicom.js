/**
 * Data sets in the DICOM JSON model (PS3.18 Annex F), as people read them.
 *
 * @typedef {{ Alphabetic?: string, Ideographic?: string, Phonetic?: string }} PersonName
 * @typedef {string | number | PersonName | DataSet | null} Value
 * @typedef {{ vr: string, Value?: Value[], BulkDataURI?: string, InlineBinary?: string }} Element
 * @typedef {{ [tag: string]: Element | undefined }} DataSet
 */

/**
 * Every value of an attribute, as text.
 * @param {DataSet} dataSet
 * @param {string} tag
 * @returns {string[]}
 */
export function texts(dataSet, tag) {
  const element = dataSet[tag]
  return (element?.Value ?? []).map((value) => valueText(value, element?.vr ?? ''))
}

/**
 * The first value of an attribute, as text; empty where there is none.
 * @param {DataSet | undefined} dataSet
 * @param {string} tag
 */
export function text(dataSet, tag) {
  return (dataSet && texts(dataSet, tag)[0]) ?? ''
}

/**
 * One value, as text; of an item nothing, for an item is not one.
 * @param {Value} value
 * @param {string} vr
 * @returns {string}
 */
export function valueText(value, vr) {
  if (value === null) return ''
  if (typeof value !== 'object')
    return vr === 'DA' ? dateText(String(value)) : vr === 'TM' ? timeText(String(value)) : String(value)
  return vr === 'PN' ? nameText(/** @type {PersonName} */ (value)) : ''
}

/**
 * A person's name: `Doe, Jane`, and how it is written at home behind it.
 * @param {PersonName} name
 */
export function nameText({ Alphabetic = '', Ideographic = '', Phonetic = '' }) {
  const plain = oneName(Alphabetic)
  const home = Ideographic.replaceAll('^', ' ').trim()
  if (plain === '') return home || Phonetic.replaceAll('^', ' ').trim()
  return home === '' ? plain : `${plain} ${home}`
}

/** @param {string} group family^given^middle^prefix^suffix, PS3.5 §6.2.1 */
function oneName(group) {
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group
    .split('^')
    .map((part) => part.trim())
  const first = [prefix, given, middle].filter(Boolean).join(' ')
  return [family, first, suffix].filter(Boolean).join(', ')
}

/** @param {string} date `20260131` → `2026-01-31`; anything else as it is */
export function dateText(date) {
  const parts = /^(\d{4})(\d\d)(\d\d)$/.exec(date)
  return parts ? parts.slice(1).join('-') : date
}

/** @param {string} time `083000.5` → `08:30:00`; anything else as it is */
export function timeText(time) {
  const parts = /^(\d\d)(\d\d)(?:(\d\d)(?:\.\d+)?)?$/.exec(time)
  return parts ? parts.slice(1).filter(Boolean).join(':') : time
}

/** @param {string} tag `00100010` → `(0010,0010)` */
export function tagText(tag) {
  return `(${tag.slice(0, 4)},${tag.slice(4)})`
}

/** @param {string} keyword `SOPInstanceUID` → `SOP Instance UID` */
export function words(keyword) {
  return keyword.replace(/([a-z\d])([A-Z])/g, '$1 $2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
}

/** @param {number} bytes `1536` → `1.5 KiB` */
export function sizeText(bytes) {
  if (!Number.isFinite(bytes)) return '?'
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)))
  const scaled = bytes / 1024 ** power
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${units[power]}`
}

/**
 * The name under which a search finds a tag of a data set; undefined where nothing does (group 0002 aside, whole items).
 * @param {readonly string[]} path the tags of the sequences, then its own
 * @param {DataSet} dataSet the one that holds the last tag, for the creator of a private block (PS3.5 §7.8.1)
 * @param {(tag: string) => string | undefined} keywordOf
 * @returns {string}
 */
export function searchName(path, dataSet, keywordOf) {
  const steps = path.slice(0, -1).map((tag) => keywordOf(tag) ?? tag)
  const tag = path[path.length - 1] ?? ''
  const creator = text(dataSet, creatorTag(tag))
  // Said alone it means PatientName to the service, for a viewer calls that so.
  const isOther = steps.length === 0 && keywordOf(tag) === 'PersonName'
  const own = isOther ? tag : (keywordOf(tag) ?? tag)
  const last = creator === '' ? own : `${tag.slice(0, 4)}xx${tag.slice(6)};${creator}`
  return [...steps, last].join('.')
}

/** @param {string} tag of a private element, `00191001` → `00190010`; empty for others */
export function creatorTag(tag) {
  const isPrivate = parseInt(tag.slice(3, 4), 16) % 2 === 1
  const block = tag.slice(4, 6)
  return isPrivate && block !== '00' ? `${tag.slice(0, 4)}00${block}` : ''
}

/**
 * The values that a name as a search takes it has in a data set, in items too; what it does not have is left out.
 * @param {DataSet} dataSet
 * @param {string} name keyword, tag, dotted path, any step of which may be `0019xx01;CREATOR`
 * @param {(keyword: string) => string | undefined} tagOf
 * @returns {string[]}
 */
export function valuesAt(dataSet, name, tagOf) {
  const [, element = '', named = ''] = /^([^;.]{4}xx[^;.]{2});(.*)$/s.exec(name) ?? []
  if (element === '') {
    const [first = '', ...rest] = name.split('.')
    return valuesIn(dataSet, tagOf(first) ?? first.toUpperCase(), rest.join('.'), tagOf)
  }
  // A creator may have dots in its name: it is one that the data set has.
  const owner = Object.keys(dataSet)
    .filter((tag) => tag.startsWith(`${element.slice(0, 4).toUpperCase()}00`))
    .find((tag) => named === text(dataSet, tag).trim() || named.startsWith(`${text(dataSet, tag).trim()}.`))
  if (owner === undefined) return []
  const tag = `${owner.slice(0, 4)}${owner.slice(6)}${element.slice(6).toUpperCase()}`
  return valuesIn(dataSet, tag, named.slice(text(dataSet, owner).trim().length + 1), tagOf)
}

/**
 * @param {DataSet} dataSet
 * @param {string} tag
 * @param {string} rest what of the name is behind it
 * @param {(keyword: string) => string | undefined} tagOf
 * @returns {string[]}
 */
function valuesIn(dataSet, tag, rest, tagOf) {
  if (rest === '') return texts(dataSet, tag)
  const items = /** @type {DataSet[]} */ (dataSet[tag]?.Value ?? [])
  return items.flatMap((item) => valuesAt(item, rest, tagOf))
}
