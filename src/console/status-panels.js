/** What is owed and what a person should look at, with what can be done about it. */
import { h } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { AnswerError, ask, askJson } from './api.js'
import { FhirActions, owedWords } from './fhir-actions.js'
import { counted, Fault, momentText, numberText, useLoaded, Waiting } from './loading.js'
import { hrefOf } from './route.js'

/**
 * @typedef {{ id: number, reason: string, study: string | null, instance: string | null,
 *   detail: Readonly<Record<string, unknown>>, createdAt: string }} AttentionRow
 * @typedef {{ at: string, sender: string | null, reason: string, meaning: string, comment: string,
 *   SOPInstanceUID: string | null }} Refusal
 */

const EVERY_MS = 10_000
const MOST_OWED = 50

/** What each reason means, for people. @type {Readonly<Record<string, string>>} */
const REASONS = {
  quarantined: 'Other bytes came under a UID that is taken. The first stay; these are kept aside.',
  'mixed-patients': 'Instances of one study name different patients.',
  'ambiguous-patient': 'The FHIR server has several patients with this identifier.',
  'identity-conflict': 'The FHIR server has a patient with this identifier, but another name or birth date.',
  'hand-edited': 'Somebody edited what is kept in step on the FHIR server.',
  'endpoint-edited': 'Somebody edited the Endpoint on the FHIR server.',
  'subject-moved': 'Somebody gave the study another patient on the FHIR server.',
  'duplicate-study': 'The FHIR server has this study more than once.',
  'deleted-there': 'The study was deleted on the FHIR server.',
  dead: 'The FHIR server refuses this study.',
  overdue: 'The FHIR server could not be told for a long time.',
  'identity-differs': 'The FHIR server says other things of the patient than the instances do.',
  'correction-proposed': 'A correction waits for somebody to approve it.',
  'correction-of-mixed-patients':
    'A patient was changed on the FHIR server; this study names two, and is not corrected.',
  'patient-separated':
    'The patient of the study is not on the FHIR server any more: the identifier was taken away.',
  'correction-failed': 'A correction could not be carried out.',
  'corrupt-file': 'The bytes of an instance are not what was stored.',
}

/**
 * A part of the page that asks again now and then.
 * @template T
 * @param {string} path
 */
export function usePolled(path) {
  const loaded = useLoaded((signal) => /** @type {Promise<T>} */ (askJson(path, signal)), [path])
  useEffect(() => {
    const timer = setInterval(() => document.hidden || loaded.reload(), EVERY_MS)
    return () => clearInterval(timer)
  }, [path])
  return loaded
}

export function FhirPanel() {
  /** @type {import('./loading.js').Loaded<import('./fhir-actions.js').OwedReport>} */
  const { value, error, reload } = usePolled(`admin/fhir?limit=${MOST_OWED}`)
  return h(
    Panel,
    { title: 'FHIR server', id: 'fhir', error, isLoading: value === undefined },
    value && h(FhirReport, { report: value, onDone: reload }),
  )
}

/** @param {{ report: import('./fhir-actions.js').OwedReport, onDone: () => void }} props */
function FhirReport({ report, onDone }) {
  const { server, rows, studies, held, dead } = report
  return [
    server
      ? h(
          'p',
          null,
          h('span', { class: server.problem === null ? 'badge good' : 'badge bad' }, server.status),
          ` ${server.software ?? 'FHIR server'}, ${server.release}, at `,
          h('code', null, server.server),
        )
      : h(
          'p',
          null,
          h('span', { class: 'badge' }, 'none'),
          ' No FHIR server is configured. What is owed is kept until one is.',
        ),
    server?.problem &&
      h('p', { class: 'fault' }, `${server.problem} Looked at again at ${momentText(server.nextLookAt)}.`),
    h(
      'p',
      { class: 'facts' },
      h('span', null, `${counted(studies, 'study', 'studies')} owed`),
      h('span', null, `${numberText(held)} held`),
      h('span', null, `${numberText(dead)} given up`),
      server && h('span', null, `last push ${momentText(server.lastPushAt)}`),
    ),
    rows.length > 0 &&
      h(
        'ul',
        { class: 'rows' },
        rows.map((row) =>
          h(
            'li',
            { key: row.study },
            h('div', null, h(StudyLink, { study: row.study }), h('p', null, owedWords(row))),
            server && h('div', { class: 'actions' }, h(FhirActions, { row, onDone })),
          ),
        ),
      ),
    studies > rows.length &&
      h('p', { class: 'facts' }, h('span', null, `and ${numberText(studies - rows.length)} more`)),
  ]
}

export function Attention() {
  /** @type {import('./loading.js').Loaded<{ rows: AttentionRow[], next?: number }>} */
  const { value, error, reload } = usePolled('admin/attention?limit=100')
  return h(
    Panel,
    { title: 'To be looked at', id: 'attention', error, isLoading: value === undefined },
    value?.rows.length === 0 && h('p', { class: 'empty' }, 'Nothing.'),
    value &&
      h(
        'ul',
        { class: 'rows' },
        value.rows.map((row) => h(AttentionItem, { key: row.id, row, onDone: reload })),
      ),
  )
}

/** @param {{ row: AttentionRow, onDone: () => void }} props */
function AttentionItem({ row, onDone }) {
  const [error, setError] = useState(/** @type {Error | undefined} */ (undefined))
  const resolve = () => {
    ask(`admin/attention/${row.id}/resolve`, { method: 'POST' }).then(onDone, setError)
  }
  const details = Object.entries(row.detail).filter(([, value]) => value !== null && value !== '')
  return h(
    'li',
    null,
    h(
      'div',
      null,
      h('p', null, h('span', { class: 'badge warn' }, row.reason), ` ${REASONS[row.reason] ?? ''}`),
      h(
        'p',
        { class: 'facts' },
        h('span', null, momentText(row.createdAt)),
        row.study && h(StudyLink, { study: row.study }),
      ),
      details.length > 0 &&
        h(
          'details',
          null,
          h('summary', null, 'Details'),
          h(
            'dl',
            { class: 'reasons' },
            details.map(([name, value]) =>
              h(
                'div',
                { key: name },
                h('dt', null, name),
                h('dd', null, typeof value === 'string' ? value : JSON.stringify(value)),
              ),
            ),
          ),
        ),
      h(Fault, { error }),
    ),
    h('div', { class: 'actions' }, h('button', { type: 'button', onClick: resolve }, 'Dealt with')),
  )
}

export function Refusals() {
  /** @type {import('./loading.js').Loaded<{ since: string, rows: Refusal[] }>} */
  const { value, error } = usePolled('admin/refusals')
  return h(
    Panel,
    { title: 'Refused of late', id: 'refusals', error, isLoading: value === undefined },
    value?.rows.length === 0 && h('p', { class: 'empty' }, `Nothing since ${momentText(value.since)}.`),
    value &&
      h(
        'ul',
        { class: 'rows' },
        value.rows.map(({ at, sender, reason, meaning, comment, SOPInstanceUID }, index) =>
          h(
            'li',
            { key: value.rows.length - index },
            h(
              'div',
              null,
              h('p', null, h('span', { class: 'badge bad' }, reason), ` ${comment}`),
              h(
                'p',
                { class: 'facts' },
                h('span', null, momentText(at)),
                h('span', null, meaning),
                sender && h('span', null, `from ${sender}`),
                SOPInstanceUID && h('code', null, SOPInstanceUID),
              ),
            ),
          ),
        ),
      ),
  )
}

/**
 * @param {object} props
 * @param {string} props.title
 * @param {string} props.id
 * @param {Error | undefined} props.error
 * @param {boolean} props.isLoading
 * @param {import('preact').ComponentChildren} [props.children]
 */
export function Panel({ title, id, error, isLoading, children }) {
  const isForbidden = error instanceof AnswerError && error.status === 403
  return h(
    'section',
    { class: 'panel', 'aria-labelledby': `${id}-heading` },
    h('h2', { id: `${id}-heading` }, title),
    isForbidden ? h('p', { class: 'empty' }, 'For administrators.') : h(Fault, { error }),
    isLoading && !error && h(Waiting, { what: 'this' }),
    children,
  )
}

/** @param {{ study: string }} props */
export function StudyLink({ study }) {
  return h('a', { class: 'uid', href: hrefOf({ page: 'study', study }) }, study)
}
