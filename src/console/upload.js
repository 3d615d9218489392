/** The upload page: what was dropped or chosen, how far it is, and what became of each file. */
import { h } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { sizeText } from './dicom.js'
import { chosenFiles } from './dropped.js'
import { counted, numberText } from './loading.js'
import { hrefOf } from './route.js'
import { forgetSent, sendAgain, sendFiles, sentFiles, stopSending, watchSending } from './sending.js'

/** @typedef {import('./sending.js').Sent} Sent */

/** Rows that are shown; those with something to say come first. */
const MOST_ROWS = 200
/** @type {Readonly<Record<import('./sending.js').SentState, { readonly title: string, readonly badge: string, readonly order: number }>>} */
const STATES = {
  failed: { title: 'no answer', badge: 'badge bad', order: 0 },
  refused: { title: 'refused', badge: 'badge bad', order: 1 },
  warning: { title: 'stored, warning', badge: 'badge warn', order: 2 },
  sending: { title: 'sending', badge: 'badge', order: 3 },
  stored: { title: 'stored', badge: 'badge good', order: 4 },
  waiting: { title: 'waiting', badge: 'badge', order: 5 },
}

export function UploadPage() {
  const [, setRound] = useState(0)
  useEffect(() => watchSending(() => setRound((round) => round + 1)), [])
  const all = sentFiles()
  return h(
    'div',
    { class: 'upload' },
    h('h1', null, 'Upload'),
    h(Choice, null),
    all.length > 0 && h(Progress, { all }),
    all.length > 0 && h(Outcomes, { all }),
  )
}

function Choice() {
  const files = useRef(/** @type {HTMLInputElement | null} */ (null))
  const folder = useRef(/** @type {HTMLInputElement | null} */ (null))
  /** @param {Event & { currentTarget: HTMLInputElement }} event */
  const chosen = (event) => {
    sendFiles(chosenFiles(event.currentTarget.files))
    event.currentTarget.value = ''
  }
  return h(
    'div',
    { class: 'dropzone' },
    h('p', null, h('strong', null, 'Drop DICOM files or folders anywhere on this page')),
    h(
      'p',
      { class: 'facts' },
      h('span', null, 'Sending again is safe: what is there already stays as it is.'),
    ),
    h(
      'p',
      { class: 'actions' },
      h(
        'button',
        { type: 'button', class: 'primary', onClick: () => files.current?.click() },
        'Choose files',
      ),
      h('button', { type: 'button', onClick: () => folder.current?.click() }, 'Choose a folder'),
    ),
    h('input', {
      ref: files,
      type: 'file',
      multiple: true,
      hidden: true,
      'aria-label': 'Files',
      onChange: chosen,
    }),
    h('input', {
      ref: folder,
      type: 'file',
      webkitdirectory: true,
      hidden: true,
      'aria-label': 'Folder',
      onChange: chosen,
    }),
  )
}

/** @param {{ all: readonly Sent[] }} props */
function Progress({ all }) {
  /** @param {Sent['state']} state */
  const count = (state) => all.filter((one) => one.state === state).length
  const bytes = all.reduce((sum, { file }) => sum + file.size, 0)
  const sent = all.reduce((sum, { sentBytes }) => sum + sentBytes, 0)
  const over = all.length - count('waiting') - count('sending')
  const isOver = over === all.length
  return h(
    'section',
    { class: 'progress', 'aria-label': 'Progress' },
    h('progress', {
      max: Math.max(1, bytes),
      value: isOver ? Math.max(1, bytes) : sent,
      'aria-label': 'Bytes sent',
    }),
    h(
      'p',
      { class: 'facts', role: 'status' },
      h(
        'span',
        null,
        isOver
          ? `${counted(all.length, 'file')}, ${sizeText(bytes)}`
          : `${numberText(over)} of ${counted(all.length, 'file')}, ${sizeText(sent)} of ${sizeText(bytes)}`,
      ),
      h('span', null, `${numberText(count('stored'))} stored`),
      count('warning') > 0 && h('span', null, `${numberText(count('warning'))} with a warning`),
      count('refused') > 0 && h('span', null, `${numberText(count('refused'))} refused`),
      count('failed') > 0 && h('span', null, `${numberText(count('failed'))} without answer`),
    ),
    h(
      'p',
      { class: 'actions' },
      count('waiting') > 0 && h('button', { type: 'button', onClick: stopSending }, 'Stop'),
      count('failed') > 0 &&
        h('button', { type: 'button', class: 'primary', onClick: sendAgain }, 'Send those again'),
      over > 0 && h('button', { type: 'button', onClick: forgetSent }, 'Clear the list'),
      studyLinks(all),
    ),
  )
}

/** @param {readonly Sent[]} all */
function studyLinks(all) {
  const studies = [...new Set(all.flatMap(({ study }) => (study === undefined ? [] : [study])))]
  const [only] = studies
  if (only === undefined) return null
  const query = `StudyInstanceUID=${studies.slice(0, 100).map(encodeURIComponent).join('%5C')}`
  const href =
    studies.length === 1
      ? hrefOf({ page: 'study', study: only })
      : hrefOf({ page: 'search', level: 'studies', query })
  return h(
    'a',
    { href },
    studies.length === 1 ? 'Open the study' : `Find the ${counted(studies.length, 'study', 'studies')}`,
  )
}

/** @param {{ all: readonly Sent[] }} props */
function Outcomes({ all }) {
  const rows = all.toSorted((a, b) => STATES[a.state].order - STATES[b.state].order || a.id - b.id)
  return h(
    'section',
    { 'aria-label': 'Files' },
    h(
      'ul',
      { class: 'rows' },
      rows
        .slice(0, MOST_ROWS)
        .map(({ id, name, file, state, words, study }) =>
          h(
            'li',
            { key: id },
            h(
              'div',
              null,
              h(
                'p',
                null,
                h('span', { class: STATES[state].badge }, STATES[state].title),
                ' ',
                h('span', { class: 'file-name' }, name),
              ),
              h(
                'p',
                { class: 'facts' },
                h('span', null, sizeText(file.size)),
                words !== '' && h('span', null, words),
              ),
            ),
            study !== undefined &&
              h('div', { class: 'actions' }, h('a', { href: hrefOf({ page: 'study', study }) }, 'Open')),
          ),
        ),
    ),
    rows.length > MOST_ROWS &&
      h('p', { class: 'empty' }, `and ${counted(rows.length - MOST_ROWS, 'file')} more`),
  )
}
