/** Corrections of what instances say of patient and study: those that wait for somebody, and what became of others. */
import { h } from 'preact'
import { useState } from 'preact/hooks'
import { ask, askJson, offers } from './api.js'
import { sizeText, valueText, words } from './dicom.js'
import { counted, Fault, momentText, useLoaded, Waiting } from './loading.js'
import { Panel, StudyLink, usePolled } from './status-panels.js'

/**
 * @typedef {object} Correction as `GET /admin/corrections` has it
 * @property {string} id
 * @property {string} study
 * @property {'proposed' | 'approved' | 'running' | 'done' | 'failed' | 'rejected'} state
 * @property {string} proposedAt
 * @property {{ readonly description?: string, readonly proposedBy?: string | null }} detail
 *
 * @typedef {object} Preview
 * @property {number} series
 * @property {number} instances
 * @property {{ readonly study: number, readonly written: number }} bytes
 * @property {readonly { readonly tag: string, readonly keyword: string, readonly before: readonly Values[], readonly after: Values }[]} attributes
 * @property {boolean} identity
 * @property {object | null} part
 * @property {{ readonly series: number, readonly instances: number }} stays
 *
 * @typedef {readonly import('./dicom.js').Value[]} Values
 */

const MOST = 20
const BADGES = { proposed: 'warn', approved: '', running: '', done: 'good', failed: 'bad', rejected: '' }

/** Nothing where the service has no corrections. */
export function Corrections() {
  const { value: isThere } = useLoaded(() => offers('GET /admin/corrections'), [])
  return isThere === true ? h(CorrectionPanel, null) : null
}

function CorrectionPanel() {
  /** @type {import('./loading.js').Loaded<{ policy: string, rows: Correction[] }>} */
  const { value, error, reload } = usePolled(`admin/corrections?limit=${MOST}`)
  const waiting = value?.rows.filter(({ state }) => state === 'proposed').length ?? 0
  return h(
    Panel,
    { title: 'Corrections', id: 'corrections', error, isLoading: value === undefined },
    value &&
      h(
        'p',
        { class: 'facts' },
        h(
          'span',
          null,
          waiting === 0
            ? 'None waits for approval.'
            : `${counted(waiting, 'correction waits', 'corrections wait')} for approval.`,
        ),
      ),
    value &&
      h(
        'ul',
        { class: 'rows' },
        value.rows.map((row) => h(CorrectionItem, { key: row.id, row, onDone: reload })),
      ),
  )
}

/** @param {{ row: Correction, onDone: () => void }} props */
function CorrectionItem({ row, onDone }) {
  const [error, setError] = useState(/** @type {Error | undefined} */ (undefined))
  const [isOpen, setOpen] = useState(row.state === 'proposed')
  /** @param {'approve' | 'reject' | 'retry'} decision */
  const decide = (decision) => {
    setError(undefined)
    ask(`admin/corrections/${encodeURIComponent(row.id)}/${decision}`, { method: 'POST' }).then(
      onDone,
      setError,
    )
  }
  const { description, proposedBy } = row.detail
  return h(
    'li',
    null,
    h(
      'div',
      null,
      h(
        'p',
        null,
        h('span', { class: `badge ${BADGES[row.state]}` }, row.state),
        ' ',
        h(StudyLink, { study: row.study }),
      ),
      h(
        'p',
        { class: 'facts' },
        h('span', null, momentText(row.proposedAt)),
        proposedBy && h('span', null, `by ${proposedBy}`),
        description && h('span', null, description),
      ),
      h(
        'details',
        {
          open: isOpen,
          onToggle: (/** @type {Event & { currentTarget: HTMLDetailsElement }} */ event) =>
            setOpen(event.currentTarget.open),
        },
        h('summary', null, 'What would change'),
        isOpen && h(PreviewTable, { id: row.id, state: row.state }),
      ),
      h(Fault, { error }),
    ),
    h(
      'div',
      { class: 'actions' },
      row.state === 'proposed' &&
        h('button', { type: 'button', class: 'primary', onClick: () => decide('approve') }, 'Approve'),
      row.state === 'proposed' && h('button', { type: 'button', onClick: () => decide('reject') }, 'Reject'),
      row.state === 'failed' && h('button', { type: 'button', onClick: () => decide('retry') }, 'Try again'),
    ),
  )
}

/** @param {{ id: string, state: string }} props */
function PreviewTable({ id, state }) {
  const { value, error } = useLoaded(
    (signal) => askJson(`admin/corrections/${encodeURIComponent(id)}`, signal),
    [id, state],
  )
  if (value === undefined) return error ? h(Fault, { error }) : h(Waiting, { what: 'what would change' })
  /** @type {Preview | undefined} */
  const preview = value.preview
  if (preview === undefined) return h('p', { class: 'empty' }, 'Nothing more.')
  return [
    h(
      'p',
      { class: 'facts' },
      h('span', null, counted(preview.series, 'series', 'series')),
      h('span', null, counted(preview.instances, 'instance')),
      h('span', null, `about ${sizeText(preview.bytes.written)} written of ${sizeText(preview.bytes.study)}`),
      preview.part === null && preview.identity && h('span', null, 'the patient would be another one'),
      preview.part !== null &&
        h(
          'span',
          null,
          `they leave for a study of their own; ${counted(preview.stays.instances, 'instance')} stay`,
        ),
    ),
    h(
      'table',
      { class: 'changes' },
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          ['Attribute', 'Before', 'After'].map((title) => h('th', { key: title, scope: 'col' }, title)),
        ),
      ),
      h(
        'tbody',
        null,
        preview.attributes.map(({ tag, keyword, before, after }) =>
          h(
            'tr',
            { key: tag },
            h('th', { scope: 'row' }, words(keyword)),
            h('td', null, before.map(valuesText).join(', and ')),
            h('td', null, valuesText(after)),
          ),
        ),
      ),
    ),
  ]
}

/** @param {Values} values */
function valuesText(values) {
  const shown = values.map((value) => valueText(value, typeof value === 'object' ? 'PN' : '')).join(' \\ ')
  return shown === '' ? '(empty)' : shown
}
