/** The box that is searched with: terms as they stand, and one being typed, with completions and what may be written. */
import { h } from 'preact'
import { useId, useRef, useState } from 'preact/hooks'
import { completions, entryOf, isUsual } from './keywords.js'
import { tagText, words } from './dicom.js'
import { guesses, hintsFor, readTerm } from './terms.js'

/**
 * @typedef {import('./terms.js').Term} Term
 * @typedef {import('./keywords.js').Dictionary} Dictionary
 * @typedef {{ readonly key: string, readonly label: string, readonly note: string, readonly code: string,
 *   readonly term?: Term, readonly text?: string }} Option a whole term, or how the text goes on
 */

const MOST_OPTIONS = 8

/**
 * @typedef {object} SearchBoxProps
 * @property {readonly Term[]} terms
 * @property {Dictionary | undefined} dictionary undefined while it is loaded
 * @property {(terms: readonly Term[]) => void} onSearch
 */

/** @param {SearchBoxProps} props */
export function SearchBox({ terms, dictionary, onSearch }) {
  const id = useId()
  const box = useTyping({ terms, dictionary, onSearch })
  const { text, active, options, isListed, input } = box
  const field = text.includes('=') ? text.slice(0, text.indexOf('=')).trim() : undefined
  return h(
    'div',
    { class: 'searchbox', role: 'search' },
    h(
      'div',
      { class: 'entry', onClick: () => input.current?.focus() },
      terms.map((term, at) =>
        h(Chip, {
          key: `${at} ${term.name}`,
          term,
          onRemove: () => box.search(terms.filter((_, other) => other !== at)),
        }),
      ),
      h('input', {
        ref: input,
        type: 'text',
        role: 'combobox',
        autofocus: true,
        autocomplete: 'off',
        autocapitalize: 'off',
        spellcheck: false,
        enterkeyhint: 'search',
        'aria-label': 'Search by any tag',
        'aria-autocomplete': 'list',
        'aria-expanded': isListed ? 'true' : 'false',
        'aria-controls': `${id}-list`,
        'aria-describedby': `${id}-hints`,
        'aria-activedescendant': isListed && active >= 0 ? `${id}-${active}` : undefined,
        placeholder: terms.length === 0 ? 'A name, an ID, or any tag: Manufacturer=*Philips*' : 'and …',
        value: text,
        onInput: (event) => box.type(event.currentTarget.value),
        onKeyDown: box.press,
        onBlur: () => box.open(false),
        onFocus: () => box.open(text !== ''),
      }),
      h('button', { type: 'button', class: 'primary', onClick: box.enter }, 'Search'),
    ),
    h(Listbox, { id, options: isListed ? options : [], active, onChoose: box.choose }),
    h(Hints, {
      id: `${id}-hints`,
      field,
      vr: field === undefined ? undefined : entryOf(dictionary, field)?.vr,
    }),
  )
}

/**
 * What is being typed, what it may become, and what the keys do (the combobox pattern of WAI-ARIA).
 * @param {SearchBoxProps} props
 */
function useTyping({ terms, dictionary, onSearch }) {
  const [text, setText] = useState('')
  const [active, setActive] = useState(-1)
  const [isOpen, setOpen] = useState(false)
  const input = useRef(/** @type {HTMLInputElement | null} */ (null))
  const options = optionsFor(text, dictionary)
  const isListed = isOpen && options.length > 0

  /** @param {string} typed */
  const type = (typed) => {
    setText(typed)
    setActive(-1)
    setOpen(true)
  }
  /** @param {readonly Term[]} wanted */
  const search = (wanted) => {
    type('')
    setOpen(false)
    onSearch(wanted)
    input.current?.focus()
  }
  /** @param {Option} option */
  const choose = (option) => {
    if (option.term) return search([...terms, option.term])
    type(option.text ?? '')
    input.current?.focus()
  }
  const enter = () => {
    const term = readTerm(text)
    const chosen = options[Math.max(0, active)]
    if (term) search([...terms, term])
    else if (chosen) choose(chosen)
    else if (text.trim() === '') search(terms)
  }
  /** @param {number} step */
  const move = (step) => {
    setOpen(true)
    setActive(active < 0 && step < 0 ? options.length - 1 : (active + step + options.length) % options.length)
  }
  /** Takes the last term back into the box, to be changed. @param {Term} last */
  const takeBack = (last) => {
    type(`${last.name}=${last.value}`)
    onSearch(terms.slice(0, -1))
  }
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    const last = text === '' ? terms[terms.length - 1] : undefined
    const marked = isListed ? options[active] : undefined
    if (event.key === 'ArrowDown' && options.length > 0) move(1)
    else if (event.key === 'ArrowUp' && options.length > 0) move(-1)
    else if (event.key === 'Enter') enter()
    else if (event.key === 'Escape' && isListed) setOpen(false)
    else if (event.key === 'Tab' && marked) choose(marked)
    else if (event.key === 'Backspace' && last) takeBack(last)
    else return
    event.preventDefault()
  }
  return { text, active, options, isListed, input, type, search, choose, enter, press, open: setOpen }
}

/** @param {{ term: Term, onRemove: () => void }} props */
function Chip({ term, onRemove }) {
  return h(
    'span',
    { class: 'chip' },
    h('span', { class: 'chip-name' }, term.name),
    h('span', { class: 'chip-value' }, term.value),
    h(
      'button',
      { type: 'button', 'aria-label': `Without ${term.name} ${term.value}`, onClick: onRemove },
      '×',
    ),
  )
}

/** @param {{ id: string, options: readonly Option[], active: number, onChoose: (option: Option) => void }} props */
function Listbox({ id, options, active, onChoose }) {
  return h(
    'ul',
    {
      id: `${id}-list`,
      class: 'options',
      role: 'listbox',
      'aria-label': 'Suggestions',
      hidden: options.length === 0,
    },
    options.map((option, at) =>
      h(
        'li',
        {
          key: option.key,
          id: `${id}-${at}`,
          role: 'option',
          'aria-selected': at === active ? 'true' : 'false',
          // Before the box loses the focus, and with it the list.
          onMouseDown: (/** @type {MouseEvent} */ event) => {
            event.preventDefault()
            onChoose(option)
          },
        },
        h('span', { class: 'option-label' }, option.label),
        h('span', { class: 'option-note' }, option.note),
        h('code', null, option.code),
      ),
    ),
  )
}

/** @param {{ id: string, field: string | undefined, vr: string | undefined }} props */
function Hints({ id, field, vr }) {
  if (field === undefined) {
    return h(
      'p',
      { id, class: 'hints' },
      'Any tag by keyword or number, also ',
      h('code', null, 'Sequence.Keyword'),
      ' inside sequences and ',
      h('code', null, '0019xx01;CREATOR'),
      ' for private ones. Terms add up.',
    )
  }
  return h(
    'p',
    { id, class: 'hints' },
    hintsFor(vr).map(({ sign, meaning }) => h('span', { key: sign }, h('code', null, sign), ` ${meaning} `)),
  )
}

/**
 * @param {string} text
 * @param {Dictionary | undefined} dictionary
 * @returns {Option[]}
 */
function optionsFor(text, dictionary) {
  if (text.includes('=') || text.trim() === '') return []
  const isPath = text.includes('.') && !/^\d+\./.test(text)
  const stem = isPath ? text.slice(0, text.lastIndexOf('.') + 1) : ''
  const found = dictionary ? completions(dictionary, text, MOST_OPTIONS) : []
  const keywords = found.map(({ tag, keyword, vr }) => ({
    key: tag,
    label: stem + keyword,
    note: words(keyword),
    code: `${tagText(tag)} ${vr}`,
    text: `${stem}${keyword}${vr === 'SQ' ? '.' : '='}`,
  }))
  const direct = /^[\da-f]{8}$|^[\da-f]{4}xx[\da-f]{2};./i.test(text.trim())
    ? [{ key: 'direct', label: text.trim(), note: 'this very tag', code: '', text: `${text.trim()}=` }]
    : []
  const meant = isPath ? [] : guesses(text)
  const asWords = meant.map(({ term, meaning }) => ({
    key: term.name,
    label: `“${text.trim()}”`,
    note: meaning,
    code: term.name,
    term,
  }))
  // A keyword, or the beginning of one that many ask for, is meant as such; any other word is a word.
  const typed = text.trim().toLowerCase()
  const [first] = found
  const isKeyword =
    first?.keyword.toLowerCase() === typed ||
    (typed.length > 2 &&
      first !== undefined &&
      isUsual(first) &&
      first.keyword.toLowerCase().startsWith(typed))
  const both = isKeyword
    ? [...keywords.slice(0, 6), ...asWords.slice(0, 3)]
    : [...asWords.slice(0, 4), ...keywords]
  return [...direct, ...both].slice(0, MOST_OPTIONS + 2)
}
