/** Names of tags and keywords of attributes (PS3.6), and the completion of those. */
import { creatorTag, text, words } from './dicom.js'

/**
 * @typedef {{ readonly tag: string, readonly keyword: string, readonly vr: string, readonly isRetired: boolean }} Entry
 * @typedef {{ readonly entries: readonly Entry[], readonly byTag: ReadonlyMap<string, Entry>,
 *   readonly byKeyword: ReadonlyMap<string, Entry>, readonly privateNames: ReadonlyMap<string, string> }} Dictionary
 */

/** Asked for most, so offered first. */
const USUAL = new Set(
  `PatientName PatientID PatientBirthDate PatientSex AccessionNumber StudyDate StudyTime StudyDescription StudyInstanceUID
  StudyID ReferringPhysicianName ModalitiesInStudy Modality SeriesDescription SeriesInstanceUID SeriesNumber BodyPartExamined
  Manufacturer ManufacturerModelName InstitutionName StationName ProtocolName SOPInstanceUID SOPClassUID InstanceNumber
  SliceThickness KVP EchoTime RepetitionTime NumberOfFrames ImageType`.split(/\s+/),
)

/**
 * @param {readonly (readonly [tag: string, keyword: string, vr: string, retired: number])[]} rows
 * @param {Readonly<Record<string, string>>} [privateNames] names of private elements by `0019xx10;CREATOR`
 * @returns {Dictionary}
 */
export function dictionaryOf(rows, privateNames = {}) {
  const entries = rows.map(([tag, keyword, vr, retired]) => ({ tag, keyword, vr, isRetired: retired === 1 }))
  return {
    entries,
    byTag: new Map(entries.map((entry) => [entry.tag, entry])),
    byKeyword: new Map(entries.map((entry) => [entry.keyword, entry])),
    privateNames: new Map(Object.entries(privateNames)),
  }
}

/**
 * The attributes that what was typed may be the beginning of, the likeliest first. Of a dotted path it is the last step
 * that is completed.
 * @param {Dictionary} dictionary
 * @param {string} typed
 * @param {number} most
 * @returns {Entry[]}
 */
export function completions({ entries }, typed, most) {
  const last = (typed.split('.').pop() ?? '').replace(/[\s(),]/g, '').toLowerCase()
  if (last === '') return []
  return entries
    .map((entry) => ({ entry, rank: rankOf(entry, last) }))
    .filter(({ rank }) => rank > 0)
    .sort((a, b) => b.rank - a.rank || a.entry.keyword.length - b.entry.keyword.length)
    .slice(0, most)
    .map(({ entry }) => entry)
}

/**
 * @param {Entry} entry
 * @param {string} typed in lower case
 */
function rankOf({ tag, keyword, isRetired }, typed) {
  const name = keyword.toLowerCase()
  const at = name.indexOf(typed)
  const usual = USUAL.has(keyword) ? 8 : 0
  const current = isRetired ? 0 : 2
  if (name === typed) return 32
  if (at === 0) return 16 + usual + current
  if (/^[\da-f]{2,8}$/.test(typed) && tag.toLowerCase().startsWith(typed)) return 15 + usual + current
  if (at < 0) return 0
  // Where a word of the keyword begins.
  return (/[A-Z\d]/.test(keyword[at] ?? '') ? 5 : 1) + usual + current
}

/** @param {Entry} entry whether many ask for it */
export function isUsual({ keyword }) {
  return USUAL.has(keyword)
}

/**
 * What is known of the attribute that a name ends in; undefined for private and unknown ones.
 * @param {Dictionary | undefined} dictionary
 * @param {string} name as a search takes it
 * @returns {Entry | undefined}
 */
export function entryOf(dictionary, name) {
  const last = name.split('.').pop() ?? ''
  return dictionary?.byKeyword.get(last) ?? dictionary?.byTag.get(last.toUpperCase())
}

/**
 * What people call a tag of a data set.
 * @param {import('./dicom.js').DataSet} dataSet
 * @param {string} tag
 * @param {Dictionary | undefined} known
 */
export function nameOf(dataSet, tag, known) {
  const entry = known?.byTag.get(tag)
  if (entry) return words(entry.keyword)
  if (/^....00[1-9A-F]/.test(tag) && creatorTag(`${tag.slice(0, 4)}1000`) !== '') return 'Private creator'
  const creator = text(dataSet, creatorTag(tag))
  if (creator === '') return 'Not in the dictionary'
  const name = known?.privateNames.get(`${tag.slice(0, 4)}xx${tag.slice(6)};${creator}`)
  return name === undefined ? `Private, of ${creator}` : `${words(name)}, of ${creator}`
}
