/** Every tag of a data set, as a tree that can be searched in and searched from. */
import { h } from 'preact'
import { useState } from 'preact/hooks'
import { dictionary } from './dictionary.js'
import { searchName, sizeText, tagText, valueText } from './dicom.js'
import { nameOf } from './keywords.js'
import { counted, Fault, useLoaded } from './loading.js'
import { hrefOf } from './route.js'
import { queryOf } from './terms.js'

/**
 * @typedef {import('./dicom.js').DataSet} DataSet
 * @typedef {import('./dicom.js').Element} Element
 * @typedef {import('./keywords.js').Dictionary} Dictionary
 * @typedef {{ readonly dataSet: DataSet, readonly path: readonly string[], readonly filter: string,
 *   readonly known: Dictionary | undefined }} Branch
 */

/** Longer ones are cut, and shown whole when asked for. */
const MOST_LETTERS = 240
/** Values of one element, and items of one sequence, that are shown. */
const MOST_VALUES = 64

/** @param {{ dataSet: DataSet }} props */
export function TagTree({ dataSet }) {
  const [filter, setFilter] = useState('')
  const { value: known, error } = useLoaded(dictionary, [])
  const wanted = filter.trim().toLowerCase()
  const count = Object.keys(dataSet).length
  return h(
    'div',
    { class: 'tags' },
    h(
      'label',
      { class: 'tag-filter' },
      h('span', { class: 'unseen' }, 'Search in the tags'),
      h('input', {
        type: 'search',
        placeholder: `Search in ${counted(count, 'tag')}`,
        value: filter,
        onInput: (event) => setFilter(event.currentTarget.value),
      }),
    ),
    h(Fault, { error }),
    h(TagList, { dataSet, path: [], filter: wanted, known }),
    wanted !== '' &&
      !Object.keys(dataSet).some((tag) => fits(dataSet, tag, wanted, known)) &&
      h('p', { class: 'empty' }, 'No tag has that in its number, its name or its value.'),
  )
}

/** @param {Branch} branch */
function TagList({ dataSet, path, filter, known }) {
  // An object has keys of digits alone first, like 52009229: they are array indexes to it.
  const tags = Object.keys(dataSet)
    .filter((tag) => filter === '' || fits(dataSet, tag, filter, known))
    .sort()
  return h(
    'ul',
    { class: 'tag-list' },
    tags.map((tag) => h(Tag, { key: tag, tag, dataSet, path: [...path, tag], filter, known })),
  )
}

/** @param {Branch & { tag: string }} props */
function Tag({ tag, dataSet, path, filter, known }) {
  const element = /** @type {Element} */ (dataSet[tag])
  const name = nameOf(dataSet, tag, known)
  const head = [
    h('code', { class: 'tag-number' }, tagText(tag)),
    h('span', { class: 'tag-name' }, name),
    h('code', { class: 'tag-vr' }, element.vr),
  ]
  if (element.vr !== 'SQ') {
    return h(
      'li',
      { class: 'tag' },
      ...head,
      h(TagValue, { element }),
      h(Find, { element, dataSet, path, known }),
    )
  }
  const items = /** @type {DataSet[]} */ (element.Value ?? [])
  // A sequence that fits by its own name is shown whole.
  const inner = filter !== '' && ownFits(dataSet, tag, filter, known) ? '' : filter
  return h(
    'li',
    { class: 'sequence' },
    h(
      'details',
      { open: filter !== '' },
      h(
        'summary',
        { class: 'tag' },
        ...head,
        h('span', { class: 'tag-value' }, counted(items.length, 'item')),
      ),
      items
        .slice(0, MOST_VALUES)
        .map((item, at) =>
          h(
            'div',
            { key: at, class: 'item' },
            h('p', { class: 'item-number' }, `Item ${at + 1}`),
            h(TagList, { dataSet: item, path, filter: inner, known }),
          ),
        ),
      items.length > MOST_VALUES &&
        h('p', { class: 'item-number' }, `and ${counted(items.length - MOST_VALUES, 'more item')}`),
    ),
  )
}

/** @param {{ element: Element }} props */
function TagValue({ element }) {
  const [isWhole, setWhole] = useState(false)
  const whole = shownValue(element)
  if (whole.length <= MOST_LETTERS || isWhole) return h('span', { class: 'tag-value' }, whole)
  return h(
    'span',
    { class: 'tag-value' },
    `${whole.slice(0, MOST_LETTERS)} … `,
    h('button', { type: 'button', class: 'link', onClick: () => setWhole(true) }, 'all of it'),
  )
}

/** @param {{ element: Element, dataSet: DataSet, path: readonly string[], known: Dictionary | undefined }} props */
function Find({ element, dataSet, path, known }) {
  const [value] = element.Value ?? []
  const wanted = value === null || value === undefined ? '' : keyText(value)
  if (wanted === '' || wanted.length > MOST_LETTERS) return null
  const name = searchName(path, dataSet, (tag) => known?.byTag.get(tag)?.keyword)
  const href = hrefOf({ page: 'search', level: 'studies', query: queryOf([{ name, value: wanted }]) })
  return h('a', { class: 'find', href, 'aria-label': `find studies with this ${name}` }, 'find')
}

/** @param {import('./dicom.js').Value} value as a match key has it, wildcards meant as letters where that can be said */
function keyText(value) {
  if (typeof value === 'object')
    return /** @type {import('./dicom.js').PersonName} */ (value)?.Alphabetic ?? ''
  return String(value).replaceAll('*', '?')
}

/** @param {Element} element */
function shownValue({ vr, Value = [], BulkDataURI, InlineBinary }) {
  if (BulkDataURI !== undefined) return 'bytes, kept apart'
  if (InlineBinary !== undefined) return `${sizeText(Math.floor((InlineBinary.length * 3) / 4))} of bytes`
  const shown = Value.slice(0, MOST_VALUES).map((value) => valueText(value, vr))
  const more = Value.length > MOST_VALUES ? ` … ${counted(Value.length, 'value')}` : ''
  return shown.join(' \\ ') + more
}

/**
 * Whether a tag, or one inside it, has what is looked for in its number, its name or its value.
 * @param {DataSet} dataSet
 * @param {string} tag
 * @param {string} filter
 * @param {Dictionary | undefined} known
 * @returns {boolean}
 */
function fits(dataSet, tag, filter, known) {
  if (ownFits(dataSet, tag, filter, known)) return true
  const element = dataSet[tag]
  if (element?.vr !== 'SQ') return false
  return /** @type {DataSet[]} */ (element.Value ?? []).some((item) =>
    Object.keys(item).some((inner) => fits(item, inner, filter, known)),
  )
}

/**
 * @param {DataSet} dataSet
 * @param {string} tag
 * @param {string} filter
 * @param {Dictionary | undefined} known
 */
function ownFits(dataSet, tag, filter, known) {
  const element = /** @type {Element} */ (dataSet[tag])
  const value = element.vr === 'SQ' ? '' : shownValue(element)
  const all = [tag, tagText(tag), known?.byTag.get(tag)?.keyword ?? '', nameOf(dataSet, tag, known), value]
  return all.some((one) => one.toLowerCase().includes(filter))
}
