/** The search page: what is searched for, and what was found. */
import { h } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { dictionary } from './dictionary.js'
import { useLoaded } from './loading.js'
import { Results } from './results.js'
import { hrefOf, LEVELS } from './route.js'
import { SearchBox } from './search-box.js'
import { queryOf, termsOf } from './terms.js'

/** @typedef {import('./route.js').SearchRoute} SearchRoute */

/** @type {readonly { readonly title: string, readonly level: import('./route.js').Level, readonly query: string }[]} */
const EXAMPLES = [
  { title: 'CT series of any Philips machine', level: 'series', query: 'Modality=CT&Manufacturer=*Philips*' },
  { title: 'Studies with MR or US', level: 'studies', query: 'ModalitiesInStudy=MR%5CUS' },
  { title: 'Series of 5 mm slices', level: 'series', query: 'SliceThickness=5' },
  {
    title: 'Reports with a finding',
    level: 'instances',
    query: 'ContentSequence.ConceptNameCodeSequence.CodeValue=121071',
  },
]

/** @param {{ route: SearchRoute }} props */
export function SearchPage({ route }) {
  const { level, query } = route
  const terms = termsOf(query)
  const { value: known } = useLoaded(dictionary, [])
  const [isAtRest, setAtRest] = useState(true)
  const [round, setRound] = useState(0)
  useEffect(() => setAtRest(true), [level, query])
  /** @param {readonly import('./terms.js').Term[]} wanted */
  const search = (wanted) => {
    const asked = queryOf(wanted)
    // The same once more changes no address, and is asked again all the same.
    if (asked === query) return setRound((count) => count + 1)
    setAtRest(false)
    location.hash = hrefOf({ page: 'search', level, query: asked })
  }
  return h(
    'div',
    { class: 'search' },
    h('h1', { class: 'unseen' }, 'Search'),
    h(SearchBox, { terms, dictionary: known, onSearch: search }),
    h(LevelSwitch, { level, query }),
    terms.length === 0 && h(Examples, null),
    h(Results, { key: `${round} ${level}?${query}`, level, terms, dictionary: known, isAtRest }),
  )
}

/** @param {{ level: string, query: string }} props */
function LevelSwitch({ level, query }) {
  return h(
    'fieldset',
    { class: 'levels' },
    h('legend', { class: 'unseen' }, 'Look for'),
    LEVELS.map((one) =>
      h(
        'label',
        { key: one },
        h('input', {
          type: 'radio',
          name: 'level',
          checked: one === level,
          onChange: () => {
            location.hash = hrefOf({ page: 'search', level: one, query })
          },
        }),
        h('span', null, one.slice(0, 1).toUpperCase() + one.slice(1)),
      ),
    ),
  )
}

function Examples() {
  return h(
    'p',
    { class: 'examples' },
    'Try: ',
    EXAMPLES.map(({ title, level, query }) =>
      h('a', { key: title, href: hrefOf({ page: 'search', level, query }) }, title),
    ),
  )
}
