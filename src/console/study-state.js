/** What the FHIR server knows of a study, and what is still owed to it. */
import { h } from 'preact'
import { AnswerError, askJson, pathOf } from './api.js'
import { text } from './dicom.js'
import { FhirActions, owedWords } from './fhir-actions.js'
import { lineageOf, Pushes, resourceText } from './lineage.js'
import { Fault, momentText, useLoaded, Waiting } from './loading.js'

/** @typedef {import('./fhir-actions.js').OwedReport} OwedReport */

/** Rows of the report; a study that is not among so many of the oldest is not told from one that is settled. */
const MOST_OWED = 1000

/** @param {{ study: string }} props */
export function StudyState({ study }) {
  const { value, error, reload } = useLoaded((signal) => reportOf(signal), [study])
  return h(
    'section',
    { class: 'panel', 'aria-labelledby': 'fhir-heading' },
    h('h2', { id: 'fhir-heading' }, 'FHIR'),
    error instanceof AnswerError && error.status === 403
      ? h('p', null, 'Only administrators see what the FHIR server was told.')
      : h(Fault, { error }),
    value
      ? h(Told, { study, report: value, onDone: reload })
      : !error && h(Waiting, { what: 'what the FHIR server was told' }),
    h(StudyLineage, { study }),
  )
}

/** @param {{ study: string, report: OwedReport, onDone: () => void }} props */
function Told({ study, report, onDone }) {
  const { server, rows } = report
  const row = rows.find((one) => one.study === study)
  if (row) {
    return [
      h('p', null, h('span', { class: 'badge warn' }, 'owed'), ` ${owedWords(row)}`),
      server === null && h('p', null, 'No FHIR server is configured: it is kept until one is.'),
      server !== null && h(FhirActions, { row, onDone }),
    ]
  }
  if (server === null) return h('p', null, 'No FHIR server is configured.')
  if (report.studies > rows.length)
    return h('p', null, 'Very much is owed to the FHIR server; this study may be among it.')
  const imagingStudy = `${server.server}/ImagingStudy?identifier=${encodeURIComponent(`urn:dicom:uid|urn:oid:${study}`)}`
  return [
    h(
      'p',
      null,
      h('span', { class: 'badge good' }, 'told'),
      ' The FHIR server has been told of this study as it stands here.',
    ),
    h(
      'p',
      { class: 'facts' },
      h('span', null, server.software ?? 'FHIR server'),
      h('span', null, server.release),
      h('span', null, `last push of any study ${momentText(server.lastPushAt)}`),
    ),
    h(
      'p',
      { class: 'actions' },
      h('a', { href: imagingStudy, target: '_blank', rel: 'noopener' }, 'ImagingStudy there'),
      h(FhirActions, { row: { study }, onDone }),
    ),
  ]
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<OwedReport>}
 */
function reportOf(signal) {
  return askJson(`admin/fhir?limit=${MOST_OWED}`, signal)
}

/** @param {{ study: string }} props */
function StudyLineage({ study }) {
  const { value: told } = useLoaded((signal) => toldOf(study, signal), [study])
  if (!told) return null
  return [
    told.imagingStudy && h('p', { class: 'digest' }, h('code', null, resourceText(told.imagingStudy))),
    h(Pushes, { told }),
  ]
}

/**
 * What was told of a study is told with any of its instances, and the answer does not grow with them.
 * @param {string} study
 * @param {AbortSignal} signal
 */
async function toldOf(study, signal) {
  const [one] = await askJson(`${pathOf({ study })}/instances?limit=1`, signal)
  if (one === undefined) return undefined
  return lineageOf({ study, series: text(one, '0020000E'), instance: text(one, '00080018') }, { signal })
}
