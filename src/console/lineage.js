/** Where an instance came from and what became of it, drawn as a line from the bytes to the FHIR server. */
import { h } from 'preact'
import { useState } from 'preact/hooks'
import { askJson, offers, pathOf } from './api.js'
import { sizeText } from './dicom.js'
import { Fault, momentText, useLoaded } from './loading.js'
import { hrefOf } from './route.js'

/**
 * @typedef {{ readonly study: string, readonly series: string, readonly instance: string }} Uids
 * @typedef {{ readonly reference: string, readonly versionId: string | null }} Resource
 * @typedef {{ readonly StudyInstanceUID: string, readonly SeriesInstanceUID: string, readonly SOPInstanceUID: string,
 *   readonly correction: string }} Version
 * @typedef {object} Push
 * @property {string} id
 * @property {string} startedAt
 * @property {string | null} outcome
 * @property {Resource | null} [provenance]
 *
 * @typedef {object} Instance
 * @property {'active' | 'superseded' | 'rejected' | 'deleted'} state
 * @property {string} sha256
 * @property {number} size
 * @property {string | null} sender
 * @property {string} receivedAt
 * @property {Version | null} madeOf
 * @property {readonly Version[]} replacedBy
 * @property {string | null} push
 * @property {{ readonly matches: boolean, readonly problem?: string }} [bytes] where they were asked to be read
 *
 * @typedef {{ readonly imagingStudy: Resource | null, readonly pushes: readonly Push[] }} Told
 * @typedef {Told & { readonly instance: Instance }} Lineage
 */

const ROUTE = 'GET /lineage/studies/{study}/series/{series}/instances/{instance}'
/** Newest pushes that are shown. */
const MOST_PUSHES = 10

/**
 * What the service tells of an instance; undefined where it tells nothing of the kind.
 * @param {Uids} uids
 * @param {{ readonly isChecked?: boolean, readonly signal?: AbortSignal }} [options]
 * @returns {Promise<Lineage | undefined>}
 */
export async function lineageOf(uids, { isChecked = false, signal } = {}) {
  if (!(await offers(ROUTE))) return undefined
  const path = pathOf(uids).replace('dicomweb/', 'lineage/')
  return askJson(isChecked ? `${path}?check=true` : path, signal)
}

/** @param {{ uids: Uids }} props */
export function InstanceLineage({ uids }) {
  const { value, error } = useLoaded((signal) => lineageOf(uids, { signal }), [uids.instance])
  if (value === undefined) return h(Fault, { error })
  const { instance, imagingStudy, pushes } = value
  const push = pushes.find(({ id }) => id === instance.push)
  return h(
    'section',
    { class: 'lineage', 'aria-labelledby': 'lineage-heading' },
    h('h2', { id: 'lineage-heading' }, 'Lineage'),
    h(
      'ol',
      { class: 'steps' },
      instance.madeOf &&
        h('li', null, 'Made of ', h(VersionLink, { version: instance.madeOf }), ' by a correction'),
      h(
        'li',
        null,
        h('strong', null, instance.madeOf ? 'Made' : 'Received'),
        ` ${momentText(instance.receivedAt)}${instance.sender ? ` from ${instance.sender}` : ''}`,
        h('p', { class: 'facts' }, h('span', null, sizeText(instance.size)), h('span', null, instance.state)),
        h('p', { class: 'digest' }, h('span', null, 'SHA-256 '), h('code', null, instance.sha256)),
        h(BytesCheck, { key: uids.instance, uids }),
      ),
      instance.replacedBy.map((version) =>
        h('li', { key: version.SOPInstanceUID }, 'Replaced by ', h(VersionLink, { version })),
      ),
      h(ToldStep, { imagingStudy, push }),
    ),
  )
}

/** @param {{ imagingStudy: Resource | null, push: Push | undefined }} props */
function ToldStep({ imagingStudy, push }) {
  if (imagingStudy === null) return h('li', { class: 'open' }, 'The FHIR server has not been told yet.')
  return h(
    'li',
    null,
    h('strong', null, 'Told'),
    push ? ` ${momentText(push.startedAt)}` : '',
    h('p', { class: 'digest' }, h('code', null, resourceText(imagingStudy))),
    push?.provenance && h('p', { class: 'digest' }, h('code', null, resourceText(push.provenance))),
  )
}

/** @param {{ uids: Uids }} props */
function BytesCheck({ uids }) {
  const [state, setState] = useState(/** @type {'idle' | 'reading' | Instance['bytes'] | Error} */ ('idle'))
  const check = () => {
    setState('reading')
    lineageOf(uids, { isChecked: true }).then(
      (lineage) => setState(lineage?.instance.bytes),
      (/** @type {Error} */ error) => setState(error),
    )
  }
  if (state === 'idle') {
    return h('button', { type: 'button', class: 'link', onClick: check }, 'Read the bytes and compare')
  }
  if (state === 'reading') return h('p', { role: 'status' }, 'Reading …')
  if (state instanceof Error) return h(Fault, { error: state })
  return h(
    'p',
    { role: 'status' },
    state?.matches
      ? h('span', { class: 'badge good' }, 'the same bytes as received')
      : h('span', { class: 'badge bad' }, state?.problem ?? 'not the bytes that were received'),
  )
}

/** @param {{ version: Version }} props */
function VersionLink({ version }) {
  const { StudyInstanceUID: study, SeriesInstanceUID: series, SOPInstanceUID: instance } = version
  return h('a', { class: 'uid', href: hrefOf({ page: 'study', study, series, instance }) }, instance)
}

/**
 * What the FHIR server was told of a study, push by push, newest first.
 * @param {{ told: Told }} props
 */
export function Pushes({ told }) {
  if (told.pushes.length === 0) return null
  return h(
    'ol',
    { class: 'steps' },
    told.pushes
      .slice(0, MOST_PUSHES)
      .map(({ id, startedAt, outcome, provenance }) =>
        h(
          'li',
          { key: id },
          `${momentText(startedAt)} `,
          h('span', { class: 'badge' }, outcome ?? 'under way'),
          provenance && h('p', { class: 'digest' }, h('code', null, resourceText(provenance))),
        ),
      ),
  )
}

/** @param {Resource} resource */
export function resourceText({ reference, versionId }) {
  return versionId === null ? reference : `${reference}, version ${versionId}`
}
